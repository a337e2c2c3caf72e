//! Readers that accept other versions of their type.

use crate::error::{OpenError, ReceiveError};
use crate::tests::test_region::TestRegion;
use crate::types::kind::Kind;
use crate::{Reader, ReaderOptions, Schema, Writer, WriterOptions};
use serde::{Deserialize, Serialize};

mod first {
    use super::*;

    #[derive(Serialize, Deserialize)]
    pub struct Reading {
        pub celsius: f32,
        pub state: u8,
    }
}

mod second {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub struct Reading {
        pub room: Option<String>,
        pub celsius: f64,
    }
}

fn by_name(test_region: &TestRegion) -> Reader<second::Reading> {
    ReaderOptions::new().by_name(true).open(&test_region.name).unwrap()
}

fn of(celsius: f64, room: Option<&str>) -> second::Reading {
    second::Reading { room: room.map(str::to_owned), celsius }
}

// Fault 85.
#[test]
fn a_reader_goes_on_when_the_region_gets_another_version_of_its_type() {
    let test_region = TestRegion::new();
    let mut writer = Writer::<first::Reading>::open(&test_region.name).unwrap();
    assert!(matches!(Reader::<second::Reading>::open(&test_region.name), Err(OpenError::Type { .. })));
    let mut reader = by_name(&test_region);
    writer.publish(&first::Reading { celsius: 0.5, state: 1 }).unwrap();
    assert_eq!(reader.recv().unwrap().unwrap().value, of(0.5, None));
    assert_eq!(reader.view().unwrap().unwrap().decode::<second::Reading>().unwrap(), of(0.5, None));
    drop(writer);
    let mut writer = WriterOptions::new().replace(true).open::<second::Reading>(&test_region.name).unwrap();
    for room in [None, Some("kitchen")] {
        writer.publish(&of(0.1, room)).unwrap();
        let sample = reader.recv().unwrap().unwrap();
        assert_eq!((sample.value, sample.lost), (of(0.1, room), 0));
        assert_eq!(reader.view().unwrap().unwrap().decode::<second::Reading>().unwrap(), of(0.1, room));
    }
    drop(writer);
    let mut writer = WriterOptions::new().replace(true).open::<(f64,)>(&test_region.name).unwrap();
    writer.publish(&(1.0,)).unwrap();
    let error = reader.recv().unwrap_err();
    assert!(matches!(error, ReceiveError::Decode { sequence: 4, .. }), "{error}");
    drop(writer);
    let mut writer = WriterOptions::new().replace(true).open::<first::Reading>(&test_region.name).unwrap();
    writer.publish(&first::Reading { celsius: 2.0, state: 1 }).unwrap();
    assert_eq!(reader.recv().unwrap().unwrap().value, of(2.0, None), "the error was one of that value");
}

#[test]
fn a_region_without_a_schema_cannot_be_read_by_name() {
    let test_region = TestRegion::new();
    let open = || ReaderOptions::new().by_name(true).open::<second::Reading>(&test_region.name).unwrap_err();
    drop(test_region.writer(Kind::Text));
    assert!(matches!(open(), OpenError::Kind { found: Kind::Text, .. }));
    let named = Schema::named("Reading", 1).unwrap();
    drop(WriterOptions::new().schema(named).replace(true).open::<second::Reading>(&test_region.name).unwrap());
    assert!(matches!(open(), OpenError::Undescribed { .. }));
    let mut options = ReaderOptions::new();
    options.by_name(true);
    for refused in [
        options.open_raw(&test_region.name).err(),
        options.open_array::<u8>(&test_region.name).err(),
        options.clone().json(true).open::<u8>(&test_region.name).err(),
    ] {
        assert!(matches!(refused, Some(OpenError::BadOption { .. })), "{refused:?}");
    }
}
