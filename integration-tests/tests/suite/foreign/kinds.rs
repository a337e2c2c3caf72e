//! Tests that a value of each kind is read as it was written, and that its bytes do not depend on the processor.

use super::both_ways;
use crate::harness::{Sandbox, workspace};

/// The region's newest payload in hexadecimal.
#[track_caller]
fn check_payload(s: &Sandbox, reader: &str, region: &str, hex: &str) {
    s.run(&format!("{reader} --raw {region} | od -An -v -tx1 | tr -d ' \\n'")).prints(hex);
}

#[test]
fn texts_json_and_bytes_arrive_as_they_were_written() {
    both_ways(|s| {
        s.ok("$WRITER text 'grüße'; $WRITER text ''; $WRITER --as json object '{\"a\": [1, null]}'");
        s.ok("$WRITER --checksum safe sound; head -c 100003 /dev/urandom > large; $WRITER bytes --file large");
        s.run("$READER --from oldest text; $READER object; $READER safe")
            .prints("grüße\n\n{\"a\": [1, null]}\nsound\n");
        s.ok("$READER --raw bytes | cmp - large; $READER --raw bytes | $WRITER --checksum --whole copy");
        s.ok("$READER --raw copy | cmp - large");
        for region in ["text", "object", "safe", "bytes", "copy"] {
            s.run(&format!("$READER verify {region}")).prints("ok\n");
        }
    });
}

#[test]
fn a_checksum_of_the_other_processor_is_checked() {
    both_ways(|s| {
        s.ok("$WRITER --checksum --slots 2 safe sound");
        // The only place where this text is stored.
        s.ok("at=$(grep -abo sound $SHM_DIR/safe | cut -d: -f1); printf S | dd of=$SHM_DIR/safe bs=1 seek=$at conv=notrunc status=none");
        s.run("$READER safe").exits(5).complains(&["safe", "checksum"]);
        s.run("$READER verify safe").exits(5).complains(&["safe"]);
    });
}

/// Every format of a schema.
const SCHEMA: &str = r#"{"type":{"TUPLE":["BOOL","CHAR","I8","I16","I32","I64","I128","U8","U16","U32","U64","U128","F32","F64","STR","BYTES",{"OPTION":"U16"},{"SEQ":"I16"},{"MAP":{"KEY":"U16","VALUE":"U32"}},{"TYPENAME":"Power"}]},"types":{"Power":{"ENUM":{"0":{"Off":"UNIT"},"258":{"On":{"STRUCT":[{"by":"F32"}]}}}}}}"#;
const VALUE: &str = r#"[true,"ü",-2,-300,-70000,-5000000000,"-170141183460469231731687303715884105728",200,60000,4000000000,18446744073709551615,"340282366920938463463374607431768211455",1.5,-2.25,"grüße","AQID",513,[-2,258],{"513":67305985},{"On":{"by":0.5}}]"#;
/// The bytes of `VALUE`, by section 23 of FORMAT.md.
const PAYLOAD: [&str; 20] = [
    "01",
    "c3bc",
    "fe",
    "d4fe",
    "90eefeff",
    "000efad5feffffff",
    "00000000000000000000000000000080",
    "c8",
    "60ea",
    "00286bee",
    "ffffffffffffffff",
    "ffffffffffffffffffffffffffffffff",
    "0000c03f",
    "00000000000002c0",
    "07000000000000006772c3bcc39f65",
    "0300000000000000010203",
    "010102",
    "0200000000000000feff0201",
    "0100000000000000010201020304",
    "020100000000003f",
];

#[test]
fn values_of_a_type_are_encoded_alike() {
    both_ways(|s| {
        std::fs::write(s.home("schema.json"), SCHEMA).expect("a file in the sandbox");
        s.ok(&format!("$WRITER create all --schema schema.json; $WRITER all '{VALUE}'"));
        s.run("$READER all").prints(format!("{VALUE}\n"));
        check_payload(&s, "$READER", "all", &PAYLOAD.concat());
        s.run("$READER inspect --schema all").prints(format!("{SCHEMA}\n"));
        // The schema and the value again, but this time written by the reader's processor.
        s.ok("$READER --json all | $OTHER_WRITER --records copy; $OTHER_READER --json copy | $WRITER --records twin");
        for copy in ["copy", "twin"] {
            check_payload(&s, "$READER", copy, &PAYLOAD.concat());
            check_payload(&s, "$OTHER_READER", copy, &PAYLOAD.concat());
            assert_eq!(s.inspect(copy)["fingerprint"], s.inspect("all")["fingerprint"]);
        }
    });
}

#[test]
fn values_of_a_rust_type_are_encoded_alike() {
    both_ways(|s| {
        s.ok("rover; $READER --from oldest rover > values; $READER --raw --from oldest rover > payloads");
        s.ok("$READER inspect --schema rover > rover.json; $WRITER create twin --schema rover.json");
        s.ok("$WRITER twin < values; $READER --from oldest twin | cmp - values");
        s.ok("$READER --raw --from oldest twin | cmp - payloads; $WRITER rover < values; $READER verify rover");
    });
}

/// Types of arrays, the bytes of two elements, and how they print.
const ARRAYS: [(&str, &str, &str); 13] = [
    ("i1", "fe01", "-2, 1"),
    ("u1", "fe01", "254, 1"),
    ("i2", "01020380", "513, -32765"),
    ("u2", "01020380", "513, 32771"),
    ("i4", "01020304ffffff7f", "67305985, 2147483647"),
    ("u4", "01020304feffffff", "67305985, 4294967294"),
    ("i8", "0102030405060708feffffffffffffff", "578437695752307201, -2"),
    ("u8", "0102030405060708feffffffffffffff", "578437695752307201, 18446744073709551614"),
    ("f2", "003e00c0", "1.5, -2.0"),
    ("f4", "0000c03f000010c0", "1.5, -2.25"),
    ("f8", "000000000000f83f00000000000002c0", "1.5, -2.25"),
    ("c8", "0000c03f000010c0000000bf0000803e", "[1.5,-2.25], [-0.5,0.25]"),
    ("c16", "000000000000f83f00000000000002c0000000000000e0bf000000000000d03f", "[1.5,-2.25], [-0.5,0.25]"),
];

#[test]
fn arrays_of_each_element_are_little_endian() {
    both_ways(|s| {
        for (element, hex, printed) in ARRAYS {
            let bytes: String = hex.as_bytes().chunks(2).map(escape).collect();
            s.ok(&format!("$WRITER create {element} --array {element}:2; printf '{bytes}' | $WRITER {element}"));
            s.run(&format!("$READER {element}")).prints(format!("{element} 2: {printed}\n"));
            check_payload(&s, "$READER", element, hex);
            // The numbers are encoded again.
            s.ok(&format!("$READER --json {element} | $OTHER_WRITER --records copy-{element}"));
            check_payload(&s, "$OTHER_READER", &format!("copy-{element}"), hex);
        }
    });
}

/// Two hexadecimal digits as an escape sequence of `printf`, which every shell knows in octal only.
fn escape(digits: &[u8]) -> String {
    let digits = str::from_utf8(digits).expect("ASCII");
    format!("\\{:03o}", u8::from_str_radix(digits, 16).expect("two digits"))
}

#[test]
fn every_vector_is_answered_alike() {
    let s = super::sandbox("foreign-shm", "shm");
    if std::env::var_os(super::DIRECTORY).is_none() {
        return;
    }
    let vectors = workspace().join("docs/vectors");
    s.ok(&format!("cp {}/*.region $SHM_DIR; chmod 600 $SHM_DIR/*", vectors.display()));
    let names = s.files();
    assert!(names.len() > 100, "{names:?}");
    // A value without a time is printed with the current time.
    for name in names.iter().filter(|name| *name != "no-time.region") {
        let [ours, theirs] =
            ["$READER", "$OTHER_READER"].map(|reader| s.run(&format!("{reader} --from oldest --json {name}")));
        assert_eq!(
            (theirs.code(), theirs.text(), &theirs.stderr),
            (ours.code(), ours.text(), &ours.stderr),
            "{name}: {theirs:?}"
        );
    }
}
