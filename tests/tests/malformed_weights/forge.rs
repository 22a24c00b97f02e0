//! Builds zip archives and `.npy` files byte by byte, so that any field can lie.

/// One member with every field of its headers open to change.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) name: Vec<u8>,
    /// Name in the local header.
    pub(crate) local_name: Vec<u8>,
    /// Bytes as they lie in the archive.
    pub(crate) data: Vec<u8>,
    pub(crate) method: u16,
    pub(crate) flags: u16,
    pub(crate) crc: u32,
    pub(crate) packed: u32,
    pub(crate) size: u32,
    /// Offset in the directory, if not the true one.
    pub(crate) offset: Option<u32>,
    /// Extra field in the directory.
    pub(crate) extra: Vec<u8>,
}

impl Member {
    pub(crate) fn stored(name: &str, data: Vec<u8>) -> Member {
        Member {
            name: name.as_bytes().to_vec(),
            local_name: name.as_bytes().to_vec(),
            method: 0,
            flags: 0,
            crc: crc32fast::hash(&data),
            packed: data.len() as u32,
            size: data.len() as u32,
            offset: None,
            extra: Vec::new(),
            data,
        }
    }

    pub(crate) fn deflated(name: &str, data: &[u8]) -> Member {
        let packed = miniz_oxide::deflate::compress_to_vec(data, 6);
        Member {
            method: 8,
            crc: crc32fast::hash(data),
            size: data.len() as u32,
            ..Member::stored(name, packed)
        }
    }

    /// Moves size, packed size and offset to a zip64 field.
    pub(crate) fn zip64(mut self, size: u64, packed: u64, offset: u64) -> Member {
        self.extra = vec![1, 0, 24, 0];
        for v in [size, packed, offset] {
            self.extra.extend(v.to_le_bytes());
        }
        (self.size, self.packed, self.offset) = (u32::MAX, u32::MAX, Some(u32::MAX));
        self
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == format!("{name}.npy").as_bytes()
    }
}

/// Fields of the end record: entries, size and offset of the directory; its 22 bytes end the archive.
pub(crate) const END: usize = 22;

/// Joins members to an archive.
pub(crate) fn zip(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for m in members {
        let offset = m.offset.unwrap_or(out.len() as u32);
        let mut common = Vec::new();
        for v in [45u16, m.flags, m.method, 0, 0x21] {
            common.extend(v.to_le_bytes());
        }
        for v in [m.crc, m.packed, m.size] {
            common.extend(v.to_le_bytes());
        }
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend((m.local_name.len() as u16).to_le_bytes());
        out.extend([0; 2]);
        out.extend(&m.local_name);
        out.extend(&m.data);
        directory.extend(b"PK\x01\x02\x2d\0");
        directory.extend(&common);
        directory.extend((m.name.len() as u16).to_le_bytes());
        directory.extend((m.extra.len() as u16).to_le_bytes());
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(&m.name);
        directory.extend(&m.extra);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        out.extend((members.len() as u16).to_le_bytes());
    }
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// The same archive with its end in zip64 form; `locate` changes where the locator points.
pub(crate) fn zip64(members: &[Member], locate: impl Fn(u64) -> u64) -> Vec<u8> {
    let mut out = zip(members);
    let end = out.split_off(out.len() - END);
    let field = |at: usize| {
        let b = [end[at], end[at + 1], end[at + 2], end[at + 3]];
        u64::from(u32::from_le_bytes(b))
    };
    let at = out.len() as u64;
    out.extend(b"PK\x06\x06");
    out.extend(44u64.to_le_bytes());
    out.extend([45, 0, 45, 0]);
    out.extend([0; 8]);
    for v in [members.len() as u64, members.len() as u64, field(12), field(16)] {
        out.extend(v.to_le_bytes());
    }
    out.extend(b"PK\x06\x07\0\0\0\0");
    out.extend(locate(at).to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([0xff; 12]);
    out.extend([0; 2]);
    out
}

/// A `.npy` file with this header text.
pub(crate) fn npy_with(header: &str, data: &[u8]) -> Vec<u8> {
    let mut out = b"\x93NUMPY\x01\0".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

/// A `.npy` file in C order; `shape` as Python writes it.
pub(crate) fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    npy_with(&format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"), data)
}
