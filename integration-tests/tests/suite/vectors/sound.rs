//! Regions of plain kinds that must be read, whatever state they were left in.

use shm_core::{Kind, RawWriter};

use super::Vector;
use super::image::{Image, made, padded, record, small, texts};

pub fn vectors() -> Vec<Vector> {
    [kinds(), rings(), states(), headers()].into_iter().flatten().collect()
}

fn kinds() -> Vec<Vector> {
    let text = padded(|name| {
        let mut writer = RawWriter::options().slots(4).capacity(32).kind(Kind::Text).open_raw(name).expect("a writer");
        for text in ["hello", "", "d\u{e9}j\u{e0} vu \u{1f600}"] {
            writer.publish(text.as_bytes()).expect("a value");
        }
    });
    let json: [&[u8]; 3] = [br#"{"a":[1,-2.5]}"#, b"null", b" \"\\u00e9\" "];
    let bytes: [&[u8]; 3] = [b"\x00\xff\x80\n", b"", b"sixteen bytes ok"];
    vec![
        Vector::read(
            "text",
            "Text, of which one is empty, and one has characters of 2 and 4 bytes. The file is as a writer makes it, with padding behind the slots.",
            text,
            &[1, 2, 3],
        ),
        Vector::read(
            "bytes",
            "Bytes of no known meaning, of which the last fill their slot.",
            small(Kind::Bytes, &bytes),
            &[1, 2, 3],
        ),
        Vector::read(
            "json",
            "JSON documents, as they were written: white space and escapes stay.",
            small(Kind::Json, &json),
            &[1, 2, 3],
        ),
        Vector::read("checksums", "Every value carries a checksum.", checksummed(), &[1, 2, 3]),
    ]
}

/// Texts with checksums.
pub fn checksummed() -> Image {
    made(|name| {
        let mut options = RawWriter::options();
        let mut writer =
            options.slots(4).capacity(16).kind(Kind::Text).checksum(true).open_raw(name).expect("a writer");
        for text in ["one", "", "three"] {
            writer.publish(text.as_bytes()).expect("a value");
        }
    })
}

fn rings() -> Vec<Vector> {
    let grown = made(|name| {
        let mut writer = RawWriter::options().slots(4).capacity(8).kind(Kind::Text).open_raw(name).expect("a writer");
        for text in ["one", "two", "three", "four", "five", "longer than eight"] {
            writer.publish(text.as_bytes()).expect("a value");
        }
    });
    let large = |image: Image| {
        let many = 1_u64 << 61;
        let image = image.with("head", (many + 1).into()).with("first", many.into());
        image
            .with_slot(0, "stamp", (2 * many).into())
            .with_slot(1, "stamp", (2 * many + 2).into())
            .with_slot(2, "stamp", 0)
    };
    vec![
        Vector::read("empty", "No value was published yet.", texts(0), &[]),
        Vector::read("lapped", "Seven values in four slots: the last four are held.", texts(7), &[4, 5, 6, 7]),
        Vector::read("first-3", "The file replaced another one, and begins with value 3. It is the second one of its lineage.", grown, &[3, 4, 5, 6]),
        Vector::read("large-numbers", "Numbers beyond 2^53, which do not fit a double.", large(texts(2)), &[1 << 61, (1 << 61) + 1]),
        Vector::read("unfinished", "The writer died while it wrote value 3: its stamp is odd. It was never visible.", texts(2).in_state("open").with_slot(3, "stamp", 5), &[1, 2]),
        Vector::read("unfinished-over-oldest", "The writer died while it wrote value 5 over value 1: the oldest value is 2.", texts(4).in_state("open").with_slot(5, "stamp", 9), &[2, 3, 4]),
        Vector::read("head-behind", "The writer died after the stamp of value 3, and before it stored the head: who reads on gets value 3, who asks for the newest gets 2.", texts(3).in_state("open").with("head", 2), &[1, 2, 3]).latest(2),
        Vector::read("left-out", "The slot of value 3 was left out: it is lost, and 4 comes next.", texts(4).with_slot(3, "stamp", 0), &[1, 2, 4]),
        Vector::read("left-out-lapped", "The slot of value 7 was left out, and still has value 3.", texts(7).with("head", 8).with_slot(7, "stamp", 6).with_slot(8, "stamp", 16), &[5, 6, 8]),
        Vector::read("time-0", "The writer died before it noted the time of value 2.", texts(2).in_state("open").with_slot(2, "time", 0), &[1, 2]),
        Vector::read("unknown-flags", "A value with flags that are reserved: they are ignored.", texts(2).with_slot(2, "flags", 0xfffe), &[1, 2]),
    ]
}

fn states() -> Vec<Vector> {
    let rebooted = |image: Image| image.with("boot_id", 1);
    vec![
        Vector::read(
            "open",
            "The region is being written, or its writer died: who has read all of it waits.",
            texts(2).in_state("open"),
            &[1, 2],
        ),
        Vector::read(
            "moving",
            "The file is about to be replaced: who has read all of it compares the name, and waits.",
            texts(2).in_state("moving"),
            &[1, 2],
        ),
        Vector::read(
            "moved",
            "The file was replaced or removed: who has read all of it compares the name. Here it leads to the same file, as after a copy.",
            texts(2).in_state("moved"),
            &[1, 2],
        ),
        Vector::read(
            "reboot-closed",
            "Made under another boot id, and closed: its values are believed.",
            rebooted(texts(2)),
            &[1, 2],
        ),
        Vector::read(
            "reboot-checksums",
            "Made under another boot id, and not closed: its values have checksums, so they are believed.",
            rebooted(checksummed()).in_state("open"),
            &[1, 2, 3],
        ),
        Vector::read(
            "reboot-open",
            "Made under another boot id, not closed, and without checksums: its values are not believed.",
            rebooted(texts(2)).in_state("open"),
            &[],
        )
        .then_damaged()
        .latest("damaged"),
    ]
}

fn headers() -> Vec<Vector> {
    let records = [record(9, b"unknown"), record(0x8000_0000, b"")].concat();
    let filled = texts(2).with_bytes(108, &[0xff; 4]).with_bytes(168, &[0xff; 84]).with_bytes(276, &[0xff; 108]);
    vec![
        Vector::read(
            "unknown-compatible",
            "Compatible features that nobody knows yet: they are ignored.",
            texts(2).with("compatible", 1 << 63 | 1 << 20),
            &[1, 2],
        ),
        Vector::read(
            "unknown-records",
            "A descriptor with records of unknown tags: they are skipped.",
            texts(2).with_descriptor(&records),
            &[1, 2],
        ),
        Vector::read(
            "reserved-bytes",
            "Reserved bytes that are not 0: they are ignored.",
            filled.with_bytes(408, &[0xff; 3688]),
            &[1, 2],
        ),
        Vector::read(
            "other-sizes",
            "Payloads start 128 bytes into a slot, at multiples of 128, slots are 384 bytes apart, and the file is longer than its slots: all that is read from the header.",
            other_sizes(),
            &[1, 2, 3],
        ),
    ]
}

/// The three texts in slots of another layout.
fn other_sizes() -> Image {
    let (narrow, head) = (texts(3), 4096);
    let mut bytes = narrow.bytes()[..head].to_vec();
    for slot in 0..4 {
        let slot = &narrow.bytes()[head + slot * 64..][..64];
        bytes.extend(&slot[..24]);
        bytes.extend([0xee; 104]);
        bytes.extend(&slot[24..40]);
        bytes.extend([0xee; 240]);
    }
    bytes.extend([0xee; 1000]);
    let length = bytes.len() as u128;
    let wide = Image::of(bytes).with("region_bytes", length).with("stride", 384).with("payload_offset", 128);
    wide.with("payload_alignment", 128).with("look_ns", 1_000_000_000)
}
