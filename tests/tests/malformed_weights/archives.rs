//! Archives that are broken as such.

use crate::forge::{Member, npy, zip, zip64};
use crate::good::{Case, HEAD, floats, good, position, with, with_end};

pub(crate) fn archive_cases() -> Vec<Case> {
    let members = good();
    let whole = zip(&members);
    let edit = |f: &dyn Fn(&mut Vec<Member>)| {
        let mut list = members.clone();
        f(&mut list);
        zip(&list)
    };
    let head = format!("{HEAD}.npy");
    let good_head = members[position(&members, HEAD)].data.clone();
    let deflated = |change: &dyn Fn(&mut Member)| {
        with(HEAD, |m| {
            *m = Member::deflated(&head, &good_head);
            change(m);
        })
    };
    let zeros = npy("'<f4'", "(4194304,)", &floats(4 << 20));
    vec![
        ("empty", vec![], "archive: expected a complete zip archive, found an empty file"),
        ("text", b"Not a model, just some text.".to_vec(), "a file that is not a zip archive"),
        ("one byte", vec![b'P'], "a file that is not a zip archive"),
        ("single array", npy("'<f4'", "(1,)", &floats(1)), "found a single .npy array"),
        ("cut by one byte", whole[..whole.len() - 1].to_vec(), "no end record"),
        ("cut in half", whole[..whole.len() / 2].to_vec(), "no end record"),
        ("a byte after the end", [&whole[..], &[0]].concat(), "no end record"),
        (
            "no members",
            zip(&[]),
            "config: expected the configuration's JSON text as uint8 [bytes], found no such member",
        ),
        ("duplicate", edit(&|l| l.push(l[3].clone())), "expected each name once, found it twice"),
        (
            "other member",
            edit(&|l| l.push(Member::stored("README.md", vec![1]))),
            "member README.md: expected a name that ends in .npy",
        ),
        (
            "directory entry",
            edit(&|l| l.push(Member::stored("sub/", vec![]))),
            "member sub/: expected an array (.npy), found a directory",
        ),
        ("name not UTF-8", edit(&|l| l[2].name[0] = 0xff), "expected a name in UTF-8"),
        (
            "encrypted",
            with(HEAD, |m| m.flags = 1),
            "member head.conv.weight.npy: expected plain data, found an encrypted member",
        ),
        ("bzip2", with(HEAD, |m| m.method = 12), "found compression method 12"),
        ("method 99", with(HEAD, |m| m.method = 99), "found compression method 99"),
        (
            "stored CRC",
            with(HEAD, |m| m.crc ^= 1),
            "head.conv.weight: expected intact data, found a CRC that differs",
        ),
        (
            "deflated CRC",
            deflated(&|m| m.crc ^= 1),
            "head.conv.weight: expected intact data, found a CRC that differs",
        ),
        (
            "not deflate",
            deflated(&|m| m.data.fill(0xff)),
            "head.conv.weight: expected an array in NumPy's .npy format",
        ),
        (
            "deflate goes bad",
            deflated(&|m| {
                let n = m.data.len();
                m.data[n - 6..].fill(0xff);
            }),
            "head.conv.weight: expected",
        ),
        (
            "deflate cut",
            deflated(&|m| {
                m.packed -= 8;
                let n = m.data.len();
                m.data.truncate(n - 8);
            }),
            "head.conv.weight: expected",
        ),
        (
            "bytes after the deflated data",
            deflated(&|m| {
                m.data.push(0);
                m.packed += 1;
            }),
            "found bytes after the deflated data",
        ),
        (
            "deflates to more than announced",
            deflated(&|m| {
                *m = Member {
                    size: m.size,
                    crc: m.crc,
                    ..Member::deflated(&head, &[&good_head[..], &[0; 1 << 24][..]].concat())
                }
            }),
            "found more data than announced",
        ),
        (
            "deflates to less than announced",
            deflated(&|m| {
                *m = Member { size: m.size, ..Member::deflated(&head, &good_head[..good_head.len() - 4]) }
            }),
            "head.conv.weight: expected 32 elements, found an end after 0 of them",
        ),
        (
            "a bomb of another shape",
            with(HEAD, |m| *m = Member::deflated(&head, &zeros)),
            "expected shape [8, 4, 1], found shape [4194304]",
        ),
        (
            "impossible ratio",
            deflated(&|m| m.size = 1 << 31),
            "expected sizes that agree, found 2147483648 bytes from",
        ),
        ("stored sizes differ", with(HEAD, |m| m.size += 1), "expected sizes that agree"),
        (
            "overlap",
            edit(&|l| {
                l[4].offset = Some(0);
                l[4].local_name = l[4].name.clone();
            }),
            "expected bytes of its own, found an overlap",
        ),
        (
            "other local name",
            with(HEAD, |m| m.local_name[0] = b'x'),
            "found another name in its local header",
        ),
        (
            "offset beyond the file",
            with(HEAD, |m| m.offset = Some(0x7fff_ffff)),
            "expected a member that lies within the archive",
        ),
        ("offset into data", with(HEAD, |m| m.offset = m.offset.or(Some(7))), "an overlap"),
        (
            "size beyond the file",
            with(HEAD, |m| {
                m.packed = 1 << 30;
                m.size = 1 << 30;
            }),
            "expected a member that lies within the archive",
        ),
        ("too many entries", with_end(10, [0xfe, 0xff]), "65534 members announced in a directory of"),
        ("one entry too many", with_end(10, (members.len() as u16 + 1).to_le_bytes()), "are announced"),
        ("directory beyond the end", with_end(14, [0xff, 0x7f]), "found a directory of"),
        ("directory elsewhere", with_end(16, [1, 0]), "found a "),
        ("several disks", with_end(4, [1, 0]), "one part of an archive in several files"),
        ("zip64 locator lies", zip64(&members, |_| 1 << 60), "a zip64 end record beyond the file's end"),
        (
            "zip64 locator astray",
            zip64(&members, |at| at - 4),
            "no zip64 end record where its locator points",
        ),
        (
            "zip64 without its field",
            with(HEAD, |m| m.size = u32::MAX),
            "expected zip64 sizes in its extra field",
        ),
        (
            "zip64 field too short",
            with(HEAD, |m| {
                m.size = u32::MAX;
                m.extra = vec![1, 0, 4, 0, 9, 9, 9, 9];
            }),
            "expected zip64 sizes in its extra field",
        ),
        (
            "zip64 of 2^60 bytes",
            with(HEAD, |m| *m = m.clone().zip64(1 << 60, 1 << 60, 0)),
            "expected a member that lies within the archive",
        ),
        (
            "zip64 sums that overflow",
            with(HEAD, |m| *m = m.clone().zip64(u64::MAX, u64::MAX, u64::MAX)),
            "expected a member that lies within the archive",
        ),
    ]
}
