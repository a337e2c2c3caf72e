//! Regions that are opened, and in which something is then damaged.

use super::Vector;
use super::image::{Image, texts};
use super::sound::checksummed;

pub fn vectors() -> Vec<Vector> {
    let damaged = |name, why, image: Image, numbers: &[u64]| Vector::read(name, why, image, numbers).then_damaged();
    let beyond = 1_u128 << 62;
    vec![
        damaged(
            "stamp-of-another-slot",
            "The slot of value 2 has the stamp of value 3.",
            texts(3).with_slot(2, "stamp", 6),
            &[1],
        )
        .latest(3),
        damaged(
            "stamp-too-large",
            "The slot of value 2 has a stamp of a number above 2^62, which would belong there.",
            texts(3).with_slot(2, "stamp", 2 * (beyond + 2)),
            &[1],
        )
        .latest(3),
        damaged(
            "length-too-large",
            "Value 3 is longer than the capacity.",
            texts(3).with_slot(3, "length", 17),
            &[1, 2],
        )
        .latest("damaged"),
        damaged(
            "length-huge",
            "Value 3 claims all that its field can say.",
            texts(3).with_slot(3, "length", (1 << 48) - 1),
            &[1, 2],
        )
        .latest("damaged"),
        damaged("head-without-value", "The head is 3, whose slot was never used.", texts(2).with("head", 3), &[1, 2])
            .latest("damaged"),
        damaged(
            "head-too-large",
            "The head is above 2^62.",
            texts(2).with("head", beyond + 1).with("first", beyond + 1),
            &[],
        )
        .latest("damaged"),
        damaged("checksum-wrong", "A byte of value 3 is another one.", checksummed().with_payload(3, 0, b"T"), &[1, 2])
            .latest("damaged"),
        damaged(
            "checksum-of-another-number",
            "Value 3 says that it is value 7: the number is part of the checksum.",
            checksummed().with("head", 7).with("first", 7).with_slot(3, "stamp", 14),
            &[],
        )
        .latest("damaged"),
        damaged(
            "checksum-missing",
            "Every value carries a checksum, but for value 3.",
            checksummed().with_slot(3, "flags", 0),
            &[1, 2],
        )
        .latest("damaged"),
        damaged(
            "state-unknown",
            "The state is none of the four: who has read all of it is told.",
            texts(2).with("state", 5),
            &[1, 2],
        ),
        damaged(
            "emptied",
            "What changes is all zeros, as after a file was cut to nothing and grown again under its readers.",
            texts(0).with_bytes(256, &[0; 256]),
            &[],
        )
        .latest("damaged"),
    ]
}
