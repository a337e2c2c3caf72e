//! Which file systems regions may be on: those whose pages are the memory of this machine. How a region gets there is not
//! known here.

use super::place::Place;
use crate::error::{Error, Result};
use rustix::fd::AsFd;
use rustix::fs;
use rustix::io::retry_on_intr;

/// The numbers by which the kernel calls file systems whose files belong to another machine or to a program, as in
/// statfs(2) and `linux/magic.h`.
const REMOTE: [(i128, &str); 18] = [
    (0x6969, "NFS"),
    (0x0102_1997, "9p"),
    (0x6573_5546, "FUSE"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB"),
    (0x517b, "SMB"),
    (0x00c3_6400, "Ceph"),
    (0x6b41_4653, "AFS"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x4750_4653, "GPFS"),
    (0x1983_0326, "BeeGFS"),
    (0x2003_0528, "OrangeFS"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x786f_4256, "a folder of VirtualBox"),
    (0xbacb_acbc, "a folder of VMware"),
];

/// Refuses a region on a file system that is not this machine's own. `file` is the region's, or its directory.
///
/// There, another machine's writer would be seen late or never and wake nobody, and an access can fail at any time. A file
/// system that cannot be asked is accepted.
pub fn check_local(place: &Place, file: impl AsFd) -> Result<()> {
    let Ok(stat) = retry_on_intr(|| fs::fstatfs(&file)) else { return Ok(()) };
    // The field's type differs between architectures.
    match remote(i128::from(stat.f_type)) {
        Some(file_system) => Err(Error::Remote { region: place.shown.clone(), file_system }),
        None => Ok(()),
    }
}

/// The name of a file system that is not local, by its number, of which some architectures keep 32 bits with a sign.
fn remote(number: i128) -> Option<&'static str> {
    let number = number & 0xffff_ffff;
    REMOTE.iter().find(|(remote, _)| *remote == number).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Fault 21.
    #[test]
    fn file_systems_of_other_machines_and_of_programs_are_told_from_local_ones() {
        let [tmpfs, ext4, xfs, btrfs, overlay, ramfs] =
            [0x0102_1994, 0xef53, 0x5846_5342, 0x9123_683e, 0x794c_7630, 0x8584_58f6];
        for local in [tmpfs, ext4, xfs, btrfs, overlay, ramfs, 0] {
            assert_eq!(remote(local), None, "{local:#x}");
        }
        for (number, name) in [(0x6969, "NFS"), (0x0102_1997, "9p"), (0x6573_5546, "FUSE"), (0xff53_4d42, "CIFS")] {
            assert_eq!(remote(number), Some(name));
        }
        assert_eq!(remote(i128::from(0xfe53_4d42_u32.cast_signed())), Some("SMB"));
    }
}
