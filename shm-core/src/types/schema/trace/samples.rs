//! Derives the description of a type from values of the type.

use crate::types::schema::format::Tree;
use serde::Serialize;
use serde_reflection::{FormatHolder, Samples, Tracer, TracerConfig};

/// Returns the description of a type that is derived from values of the type.
pub fn trace_samples<T: Serialize>(samples: &[T]) -> Result<Tree, String> {
    let mut tracer = Tracer::new(TracerConfig::default());
    let mut recorded = Samples::new();
    let mut root = serde_reflection::Format::unknown();
    for sample in samples {
        let traced = tracer.trace_value(&mut recorded, sample).map_err(in_words);
        root.unify(traced?.0).map_err(in_words)?;
    }
    root.normalize().map_err(in_words)?;
    let registry = tracer.registry().map_err(in_words)?;
    // The JSON of both representations is the same.
    let converted = serde_json::to_value((root, registry)).and_then(serde_json::from_value);
    let (root, types) = converted.map_err(|error| error.to_string())?;
    Ok(Tree::new(root, types))
}

fn in_words(error: serde_reflection::Error) -> String {
    use serde_reflection::Error as E;
    match error {
        E::UnknownFormat => {
            "the samples do not show every part of the type (each option and sequence must have a value)".to_owned()
        }
        E::UnknownFormatInContainer(name) => format!("the samples do not show every part of '{name}'"),
        E::Incompatible(one, other) => {
            format!("two types have the same name, or one type has two forms: {one} and {other}")
        }
        other => other.to_string(),
    }
}
