//! Properties of the file system that a file is on, according to the file system's number: whether its
//! pages are the memory of this machine, and whether a mapping keeps the opened file open.

use rustix::fd::AsFd;
use rustix::fs::{self, IFlags};
use rustix::io::retry_on_intr;
use std::fs::File;

/// The kernel's numbers for file systems whose files belong to another machine or to a program, from
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
    (0x786f_4256, "a VirtualBox shared folder"),
    (0xbacb_acbc, "a VMware shared folder"),
];

/// The numbers of other file systems, for messages: those that do not support all that regions need.
const LOCAL: [(i128, &str); 10] = [
    (0xef53, "ext2 or ext3"),
    (0x4d44, "FAT"),
    (0x2011_bab0, "exFAT"),
    (0x5346_544e, "NTFS"),
    (0x7366_746e, "NTFS"),
    (0x8584_58f6, "ramfs"),
    (OVERLAY, "overlayfs"),
    (0x482b, "HFS+"),
    (0x2fc1_2fc1, "ZFS"),
    (0xf15f, "eCryptfs"),
];

/// The numbers of tmpfs, ext2 to ext4, XFS and Btrfs.
const MAPPED_AS_OPENED: [i128; 4] = [TMPFS, 0xef53, 0x5846_5342, BTRFS];

/// The number of tmpfs.
const TMPFS: i128 = 0x0102_1994;
/// The number of overlayfs.
const OVERLAY: i128 = 0x794c_7630;
/// The number of hugetlbfs.
const HUGE_PAGES: i128 = 0x9584_58f6;
/// The number of Btrfs.
const BTRFS: i128 = 0x9123_683e;

/// Returns whether opening a file for writing may put a copy in its place: overlayfs.
///
/// There, a file of a lower layer is copied to the upper one when it is first opened for writing. On Linux
/// 6.18, the identity of its name and of open descriptors stays the same, and descriptors follow the copy.
/// A mapping that was made before keeps showing the old file.
pub fn copies_for_writing(file: impl AsFd) -> bool {
    number(file) == Some(OVERLAY)
}

/// Returns the size of a page if all files of the file system consist of huge pages: hugetlbfs. There, only
/// whole pages can be mapped and unmapped, and `write` is an error.
pub fn huge_page_bytes(file: impl AsFd) -> Option<u64> {
    let stat = retry_on_intr(|| fs::fstatfs(&file)).ok()?;
    #[allow(clippy::useless_conversion, reason = "the fields' types differ between architectures")]
    let (number, bytes) = (i128::from(stat.f_type), i128::from(stat.f_bsize));
    (number & 0xffff_ffff == HUGE_PAGES).then(|| u64::try_from(bytes).ok()).flatten()
}

/// Makes stores go to the blocks that the file already has, on Btrfs, where each store otherwise needs a
/// new block. The file must be empty. An error is ignored: the file works until the disk is full.
///
/// On Linux 6.18, a store to a file with this attribute and reserved blocks succeeds on a full disk.
/// Without the attribute, the process gets SIGBUS.
pub fn store_in_place(file: &File) {
    if number(file) == Some(BTRFS) {
        let _ = fs::ioctl_getflags(file).and_then(|flags| fs::ioctl_setflags(file, flags | IFlags::NOCOW));
    }
}

/// Returns the file system's number.
fn number(file: impl AsFd) -> Option<i128> {
    let stat = retry_on_intr(|| fs::fstatfs(&file)).ok()?;
    // The type of this field differs between architectures. Some store the number in 32 bits with a sign.
    #[allow(clippy::useless_conversion, reason = "as above")]
    Some(i128::from(stat.f_type) & 0xffff_ffff)
}

/// Returns whether the file is on tmpfs or hugetlbfs: its pages are memory, storing to them writes to no disk, and
/// they do not outlive the kernel.
pub fn is_in_memory(file: impl AsFd) -> bool {
    matches!(number(file), Some(TMPFS | HUGE_PAGES))
}

/// Returns the name of the file system that a file or directory is on, if it is not local to this
/// machine. A file system that cannot be identified counts as local.
///
/// A reader on such a file system would see the values of a writer on another machine late or never,
/// and the writer would not wake it. Any access to the memory can fail.
pub fn remote_file_system(file: impl AsFd) -> Option<&'static str> {
    remote(number(file)?)
}

/// The name of the file system that a file or directory is on, or its number.
pub fn file_system_name(file: impl AsFd) -> String {
    name(number(file).unwrap_or(0))
}

fn name(number: i128) -> String {
    let number = number & 0xffff_ffff;
    let known = LOCAL.iter().chain(&REMOTE).find(|(known, _)| *known == number);
    known.map_or_else(|| format!("type {number:#x}"), |(_, name)| (*name).to_owned())
}

/// Returns whether the file system is known to map exactly the file that was opened: tmpfs, ext2 to
/// ext4, XFS and Btrfs. Others, such as overlayfs, may map an underlying file.
pub fn maps_what_was_opened(file: impl AsFd) -> bool {
    number(file).is_some_and(|number| MAPPED_AS_OPENED.contains(&number))
}

/// Returns the name of a file system that is not local, given its number. Some architectures store the
/// number in 32 bits with a sign.
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
        assert_eq!([ext4, overlay, 0x6969, 7].map(name), ["ext2 or ext3", "overlayfs", "NFS", "type 0x7"]);
    }
}
