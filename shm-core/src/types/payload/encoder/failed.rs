//! Why a value was not encoded, with the path to the problem.

use crate::types::payload::plan::{Content, Plan, Variant};
use serde::ser;
use std::fmt::{self, Display};

/// Why a value was not encoded: the problem, and the path to it.
#[derive(Debug)]
pub struct Failed(Box<Failure>);

#[derive(Debug)]
struct Failure {
    // The innermost name first.
    path: Vec<String>,
    reason: String,
    is_final: bool,
}

impl Failed {
    #[cold]
    pub fn new(reason: String, is_final: bool) -> Self {
        Self(Box::new(Failure { path: vec![], reason, is_final }))
    }

    #[cold]
    pub fn doubtful(reason: String) -> Self {
        Self::new(reason, false)
    }

    /// Whether no reader can take the value, so that decoding it is pointless.
    pub fn is_final(&self) -> bool {
        self.0.is_final
    }

    #[cold]
    pub fn within(mut self, name: impl Display) -> Self {
        self.0.path.push(name.to_string());
        self
    }

    pub fn titled(self, plan: &Plan) -> Self {
        if plan.title.is_empty() { self } else { self.within(&plan.title) }
    }

    pub fn path(&self) -> String {
        self.0.path.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".")
    }
}

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path() {
            path if path.is_empty() => f.write_str(&self.0.reason),
            path => write!(f, "{path}: {}", self.0.reason),
        }
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<M: Display>(message: M) -> Self {
        Self::new(message.to_string(), true)
    }
}

#[cold]
pub fn unlike(written: &str, read: &Content) -> Failed {
    Failed::doubtful(format!("`Serialize` writes {written}, and `Deserialize` reads {read}"))
}

/// Finds a variant whose number is not its index, or refuses it.
#[cold]
pub fn other_variant<'p>(variants: &'p [Variant], number: u32, name: &'static str) -> Result<&'p Content, Failed> {
    let reason = match variants.iter().find(|variant| variant.number == number) {
        Some(variant) if &*variant.name == name => return Ok(&variant.content),
        Some(variant) => format!(
            "`Serialize` writes variant {number}, '{name}', and `Deserialize` reads variant {number} as '{}'; \
             a skipped variant must come after all others",
            variant.name
        ),
        None => format!("`Serialize` writes variant {number}, '{name}', and `Deserialize` knows no variant {number}"),
    };
    Err(Failed::doubtful(reason).within(name))
}

#[cold]
pub fn no_length() -> Failed {
    Failed::doubtful("`Serialize` writes a map without its length, as for #[serde(flatten)]".to_owned())
}
