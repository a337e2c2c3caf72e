//! Tests that the bytes of the header stay the same and that any damage to them is detected.

use super::*;

/// Returns a header with a different value in each field that can be chosen freely.
pub fn example() -> StaticHeader {
    let static_header = StaticHeader {
        compatible: FEATURE_CHECKSUM,
        incompatible: 0,
        region_bytes: 0,
        lineage: 0x1f1e_1d1c_1b1a_1918_1716_1514_1312_1110,
        file_number: 3,
        slots: 4,
        capacity: 40,
        stride: 0,
        payload_offset: SLOT_HEAD_BYTES,
        payload_alignment: 8,
        kind: 2,
        descriptor_bytes: 0,
        descriptor_crc: 0,
        fingerprint: 0x3736_3534_3332_3130,
        spin_ns: SPIN_NS,
        boot_id: 0x4f4e_4d4c_4b4a_4948_4746_4544_4342_4140,
        origin: 0x5f5e_5d5c_5b5a_5958_5756_5554_5352_5150,
        created_ns: 0x6766_6564_6362_6160,
    };
    static_header.lay_out().unwrap()
}

// Fault 35.
#[test]
fn the_bytes_of_a_header_do_not_change() {
    #[rustfmt::skip]
    let golden: [u8; 168] = [
        b's', b'h', b'm', 0, b'r', b'i', b'n', b'g', // magic
        0, 0, 1, 0, // version
        0, 0x10, 0, 0, // header_bytes
        1, 0, 0, 0, 0, 0, 0, 0, // compatible
        0, 0, 0, 0, 0, 0, 0, 0, // incompatible
        0, 0x20, 0, 0, 0, 0, 0, 0, // region_bytes
        0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, // lineage
        3, 0, 0, 0, 0, 0, 0, 0, // file_number
        4, 0, 0, 0, 0, 0, 0, 0, // slots
        40, 0, 0, 0, 0, 0, 0, 0, // capacity
        128, 0, 0, 0, 0, 0, 0, 0, // stride
        24, 0, 0, 0, // payload_offset
        8, 0, 0, 0, // payload_alignment
        2, 0, 0, 0, // kind
        0, 0, 0, 0, // descriptor_bytes
        0, 0, 0, 0, 0, 0, 0, 0, // descriptor_crc, and four unused bytes
        0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, // fingerprint
        0x20, 0x4e, 0, 0, 0, 0, 0, 0, // spin_ns
        0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, // boot_id
        0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d, 0x5e, 0x5f, // origin
        0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, // created_ns
    ];
    let bytes = example().to_bytes();
    assert_eq!(bytes[..golden.len()], golden);
    assert_eq!(bytes[golden.len()..252], [0; 84]);
    assert_eq!(bytes[252..], [0x9e, 0x5b, 0xd6, 0x16]);
    assert_eq!(StaticHeader::parse(&bytes), Ok(example()));
}

// Fault 28.
#[test]
fn every_flipped_bit_is_refused() {
    let bytes = example().to_bytes();
    for bit in 0..STATIC_BYTES * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(StaticHeader::parse(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn the_reason_comes_in_the_order_of_its_weight() {
    let mut bytes = example().to_bytes();
    bytes[AT_INCOMPATIBLE] = 4;
    assert!(matches!(StaticHeader::parse(&bytes), Err(HeaderFault::Field(_))));
    let crc = crc32fast::hash(&bytes[..AT_CRC]);
    bytes[AT_CRC..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(StaticHeader::parse(&bytes), Err(HeaderFault::Features(4)));
    bytes[AT_VERSION] = 7;
    assert_eq!(StaticHeader::parse(&bytes), Err(HeaderFault::Version(7, 1)));
    bytes[0] = b'S';
    assert_eq!(StaticHeader::parse(&bytes), Err(HeaderFault::Foreign));
}

/// Changes one field of a header, recomputes the CRC, and returns the fault that parsing reports.
fn fault(change: impl FnOnce(&mut StaticHeader)) -> Option<HeaderFault> {
    let mut static_header = example();
    change(&mut static_header);
    StaticHeader::parse(&static_header.to_bytes()).err()
}

// Fault 31.
#[test]
fn sizes_that_do_not_fit_each_other_are_refused() {
    let field = |text| Some(HeaderFault::Field(text));
    for slots in [0, 1, 3, 6] {
        let expected = field("its number of slots is not a power of two, or is less than 2");
        assert_eq!(fault(|static_header| static_header.slots = slots), expected, "{slots}");
    }
    for capacity in [0, 7, 41] {
        let expected = field("its capacity is not a multiple of 8");
        assert_eq!(fault(|static_header| static_header.capacity = capacity), expected, "{capacity}");
    }
    for alignment in [0, 4, 24, 8192] {
        let expected = field("its payload alignment is not a power of two from 8 to 4096");
        assert_eq!(fault(|static_header| static_header.payload_alignment = alignment), expected, "{alignment}");
    }
    for offset in [0, 16, 25, 28] {
        let expected = field("its payload offset does not fit the alignment");
        assert_eq!(fault(|static_header| static_header.payload_offset = offset), expected, "{offset}");
    }
    assert_eq!(fault(|static_header| static_header.capacity = u64::MAX - 7), field("its capacity is too large"));
    for stride in [0, 64, 100, 127] {
        assert_eq!(
            fault(|static_header| static_header.stride = stride),
            field("its stride is too small for a slot, or not aligned"),
            "{stride}"
        );
    }
    assert_eq!(fault(|static_header| static_header.slots = 1 << 63), field("its slots do not fit into the file"));
    assert_eq!(fault(|static_header| static_header.stride = 1 << 62), field("its slots do not fit into the file"));
    assert_eq!(
        fault(|static_header| static_header.region_bytes = 4096 + 511),
        field("its slots do not fit into the file")
    );
    assert_eq!(fault(|static_header| static_header.region_bytes += 4), field("its length is not a multiple of 8"));
    assert_eq!(
        fault(|static_header| static_header.spin_ns = 1_000_000_001),
        field("its spin time is more than one second")
    );
    assert_eq!(fault(|static_header| static_header.spin_ns = 1_000_000_000), None);
    assert_eq!(fault(|static_header| static_header.region_bytes = 4096 + 512), None);
}

// Fault 31.
#[test]
fn payloads_lie_where_their_alignment_wants_them() {
    let fault = |payload_alignment, descriptor_bytes, payload_offset, stride| {
        let change = StaticHeader { payload_alignment, descriptor_bytes, payload_offset, stride, ..example() };
        let region_bytes = change.slots_offset() + change.slots * stride;
        StaticHeader::parse(&StaticHeader { region_bytes, ..change }.to_bytes()).err()
    };
    assert_eq!(fault(16, 0, 32, 128), None);
    assert_eq!(fault(64, 0, 64, 128), None);
    assert_eq!(fault(128, 0, 128, 256), None);
    // After a descriptor, the slots begin at 4224.
    assert_eq!(fault(512, 1, 384, 512), None);
    let expected = Some(HeaderFault::Field("its payload offset does not fit the alignment"));
    assert_eq!(fault(16, 0, 24, 128), expected);
    assert_eq!(fault(512, 1, 512, 1024), expected);
    assert_eq!(fault(128, 0, 128, 192), expected, "the next slot's payload");
    assert_eq!(fault(64, 0, 64, 100), Some(HeaderFault::Field("its stride is too small for a slot, or not aligned")));
}

// Fault 31.
#[test]
fn sizes_that_overflow_are_not_laid_out() {
    let lay_out = |change: &dyn Fn(&mut StaticHeader)| {
        let mut static_header = example();
        change(&mut static_header);
        static_header.lay_out()
    };
    assert_eq!(lay_out(&|static_header| static_header.capacity = u64::MAX - 7), None);
    assert_eq!(lay_out(&|static_header| static_header.slots = 1 << 63), None);
    assert_eq!(lay_out(&|static_header| static_header.slots = 8).unwrap().region_bytes, 8192);
}

#[test]
fn a_fields_word_is_the_one_that_is_stored() {
    let hot = Hot::detached(0, 1);
    hot.bell.store(7, Ordering::Relaxed);
    assert_eq!(hot.bell.word().load(Ordering::Relaxed), 7_u32.to_le());
}

#[test]
fn a_header_without_features_comes_back_as_it_was() {
    let static_header = StaticHeader { compatible: 0, ..example() }.lay_out().unwrap();
    assert!(!static_header.has_checksums() && example().has_checksums());
    assert_eq!(StaticHeader::parse(&static_header.to_bytes()), Ok(static_header));
}

#[test]
fn two_slots_are_enough() {
    let static_header = StaticHeader { slots: 2, ..example() }.lay_out().unwrap();
    assert_eq!(StaticHeader::parse(&static_header.to_bytes()), Ok(static_header));
}

#[test]
fn a_header_says_how_long_its_descriptor_is_and_what_is_in_it() {
    let descriptor = b"sixteen letters.";
    let expected =
        StaticHeader { descriptor_bytes: 16, descriptor_crc: crc32fast::hash(descriptor), fingerprint: 7, ..example() };
    assert_eq!(example().with_descriptor(descriptor, 7), expected);
}
