//! Vectors of unusual rings, and of rings that contradict themselves.

use serde_json::{Value, json};
use testkit::Image;

use super::Vector;
use super::list::{TEXT, abc, text_region, texts, vector};

/// Returns the vectors of this file.
pub fn vectors() -> Vec<Vector> {
    [unusual(), damaged()].into_iter().flatten().collect()
}

/// Returns the image's bytes after a field in the slot of a value was changed.
fn poked(image: &Image, sequence: u64, at: usize, field: &[u8]) -> Vec<u8> {
    let mut bytes = image.bytes();
    bytes[image.slot(sequence) + at..][..field.len()].copy_from_slice(field);
    bytes
}

fn unusual() -> Vec<Vector> {
    let values = |list: [(u64, &str); 3]| {
        let values: Vec<Value> = list.iter().map(|(number, text)| texts(*number, &[text])[0].clone()).collect();
        json!({"kind": "text", "values": values, "latest": list[2].0, "state": "closed"})
    };
    let many = 1 << 61;
    vec![
        vector(
            "large-numbers",
            "numbers above 2^53, which a double cannot represent exactly",
            &Image::new(TEXT).with(|image| image.first = many).value("a").value("b"),
            text_region(many, &["a", "b"]),
        ),
        Vector {
            name: "left-out",
            about: "number 3 was left out: its slot was never used, and the number counts as lost",
            image: poked(&abc().value("d"), 3, 0, &[0; 8]),
            expected: values([(1, "a"), (2, "b"), (4, "d")]),
        },
        Vector {
            name: "left-out-in-a-later-lap",
            about: "number 7 was left out: its slot still has value 3, and the number counts as lost",
            image: {
                let image = abc().value("d").value("e").value("f").value("g").value("h");
                let mut bytes = poked(&image, 7, 0, &6_u64.to_le_bytes());
                bytes[image.slot(7) + 24] = b'c';
                bytes
            },
            expected: values([(5, "e"), (6, "f"), (8, "h")]),
        },
        vector(
            "page-after-page",
            "the file ends after its last slot, at a multiple of 4096, as a writer creates it",
            &abc().with(|image| image.page_bytes = 4096),
            text_region(1, &["a", "b", "c"]),
        ),
    ]
}

fn damaged() -> Vec<Vector> {
    let then = |values: &[&str], latest: Value| json!({"kind": "text", "values": texts(1, values), "then": "damaged", "latest": latest, "state": "closed"});
    let beyond: u64 = (1 << 62) + 1;
    vec![
        Vector {
            name: "first-is-0",
            about: "the first number is 0, and numbers begin with 1",
            image: {
                let mut bytes = abc().bytes();
                bytes[400..408].fill(0);
                bytes
            },
            expected: json!({"refused": "damaged"}),
        },
        Vector {
            name: "stamp-too-large",
            about: "the slot of value 2 has the stamp of a number above 2^62 that would belong there",
            image: poked(&abc(), 2, 0, &(2 * (beyond + 1)).to_le_bytes()),
            expected: then(&["a"], 3.into()),
        },
        Vector {
            name: "length-of-all-ones",
            about: "value 3 claims the largest length that the field can store",
            image: poked(&abc(), 3, 8, &[255; 6]),
            expected: then(&["a", "b"], "damaged".into()),
        },
        vector(
            "head-too-large",
            "the head is above 2^62",
            &Image::new(TEXT).with(|image| (image.first, image.head) = (beyond, beyond)),
            then(&[], "damaged".into()),
        ),
        Vector {
            name: "checksum-of-another-number",
            about: "value 3 has the stamp of value 7: the checksum includes the number",
            image: poked(
                &abc().with_checksums().with(|image| (image.first, image.head) = (7, 7)),
                7,
                0,
                &14_u64.to_le_bytes(),
            ),
            expected: then(&[], "damaged".into()),
        },
    ]
}
