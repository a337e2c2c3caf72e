//! Tests that each processor's programs list, inspect, change and remove the regions of the other.

use super::both_ways;

#[test]
fn a_region_is_listed_inspected_and_removed() {
    both_ways(|s| {
        s.ok("$WRITER demo hello; $WRITER create cam --array f4:0,2 --slots 8 --checksum --mode 640; $WRITER ./here x");
        let listed = s.ok("$READER list | awk 'NR > 1 {print $1, $2}'");
        assert_eq!(listed, "cam array\ndemo text\n");
        for region in ["demo", "cam", "./here"] {
            let line = |reader: &str| s.ok(&format!("{reader} inspect --json {region}"));
            assert_eq!(line("$READER"), line("$OTHER_READER"));
            s.run(&format!("$READER verify {region}")).prints("ok\n");
        }
        s.ok("$OTHER_WRITER rm demo cam ./here");
        assert!(s.files().is_empty() && s.home_files().is_empty(), "{:?} {:?}", s.files(), s.home_files());
    });
}

#[test]
fn a_waiting_reader_sees_that_a_region_is_removed_and_created_again() {
    both_ways(|s| {
        let mut reader = s.spawn("$READER -f demo");
        for value in ["one", "two", "three"] {
            s.ok(&format!("$WRITER demo {value}"));
            reader.expect(&[value]);
            s.ok("$OTHER_WRITER rm demo");
        }
    });
}

#[test]
fn a_region_of_another_type_is_refused_and_replaced() {
    both_ways(|s| {
        s.ok("$WRITER create cam --array u2:2; printf abcd | $WRITER cam");
        let other = s.run("$OTHER_WRITER create cam --array u4:2").exits(1);
        assert_eq!(other.stderr, s.run("$WRITER create cam --array u4:2").stderr);
        s.ok("$OTHER_WRITER create cam --array u4:2 --replace -q; printf 12345678 | $OTHER_WRITER cam");
        s.run("$READER cam").prints("u4 2: 875770417, 943142453\n");
        s.run("$OTHER_READER cam").prints("u4 2: 875770417, 943142453\n");
        assert_eq!(s.inspect("cam")["head"], 2, "the numbers go on");
    });
}

#[test]
fn a_block_holds_the_same_bytes() {
    both_ways(|s| {
        s.ok("$WRITER map note --size 5000 hello; $OTHER_WRITER map note --at 4099 there");
        s.ok("$READER map note > ours; $OTHER_READER map note | cmp - ours; cmp ours $SHM_DIR/note");
        s.ok("test $(wc -c < ours) = 5000");
        s.run("head -c 5 ours; tail -c +4100 ours | head -c 5").prints("hellothere");
    });
}
