//! Element types × byte orders × memory orders from `.npy` bytes written by hand, and round trips.

use super::*;
use std::path::Path;

/// A `.npy` file of version 1.0.
fn npy(descr: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let fortran = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

fn read(bytes: &[u8], class: Class, want: Option<&[Dim]>) -> Result<Array, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a.npy");
    std::fs::write(&path, bytes).expect("a written file");
    read_npy(&path, class, want).map_err(|e| e.to_string())
}

/// Elements in the order C or Fortran stores them, for shape `[2, 3]` and C-order values 0 to 5.
const C: [usize; 6] = [0, 1, 2, 3, 4, 5];
const F: [usize; 6] = [0, 3, 1, 4, 2, 5];

#[test]
fn every_type_byte_order_and_memory_order_reads_the_same() {
    // C-order values that every type holds: 0 to 5, and for signed types their negatives.
    let f16 = [0x0000u16, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500];
    for (order, fortran) in [(C, false), (F, true)] {
        for big in [false, true] {
            let mark = if big { '>' } else { '<' };
            macro_rules! case {
                ($descr:literal, $class:expr, $variant:ident, $t:ty, $value:expr) => {{
                    let bytes: Vec<u8> = order
                        .iter()
                        .flat_map(|&i| {
                            let value = $value(i);
                            if big { value.to_be_bytes() } else { value.to_le_bytes() }
                        })
                        .collect();
                    let descr = format!("{mark}{}", $descr);
                    let file = npy(&descr, fortran, "(2, 3)", &bytes);
                    let array = read(&file, $class, Some(&[Dim::Is(2), Dim::Any("n")]))
                        .unwrap_or_else(|e| panic!("{descr}: {e}"));
                    assert_eq!(array.shape, [2, 3]);
                    let want: Vec<$t> = (0..6).map(|i| i as $t).collect();
                    assert_eq!(array.data, Data::$variant(want), "{descr}, fortran {fortran}");
                }};
            }
            case!("f2", Class::Float, F32, f32, |i| f16[i]);
            case!("f4", Class::Float, F32, f32, |i| i as f32);
            case!("f8", Class::Float, F64, f64, |i| i as f64);
            case!("i1", Class::Integer, I64, i64, |i| i as i8);
            case!("i2", Class::Integer, I64, i64, |i| i as i16);
            case!("i4", Class::Integer, I64, i64, |i| i as i32);
            case!("i8", Class::Integer, I64, i64, |i| i as i64);
            case!("u1", Class::Bytes, U8, u8, |i| i as u8);
            case!("u2", Class::Integer, U64, u64, |i| i as u16);
            case!("u4", Class::Integer, U64, u64, |i| i as u32);
            case!("u8", Class::Integer, U64, u64, |i| i as u64);
        }
    }
}

#[test]
fn extreme_values_survive() {
    let bytes: Vec<u8> = [i64::MIN, -1, i64::MAX].iter().flat_map(|v| v.to_be_bytes()).collect();
    let array = read(&npy(">i8", false, "(3,)", &bytes), Class::Integer, None).expect("array");
    assert_eq!(array.data, Data::I64(vec![i64::MIN, -1, i64::MAX]));
    let array = read(&npy("<u8", false, "(1,)", &[255; 8]), Class::Integer, None).expect("array");
    assert_eq!(array.data.int_at(0), i128::from(u64::MAX));
    let array = read(&npy("|i1", false, "()", &[0x80]), Class::Integer, None).expect("array");
    assert_eq!((array.shape.len(), array.data.int_at(0)), (0, -128));
}

#[test]
fn fortran_order_of_three_dimensions_matches_the_definition() {
    let (a, b, c) = (3, 4, 5);
    let mut bytes = vec![0u8; a * b * c * 4];
    for i in 0..a {
        for j in 0..b {
            for k in 0..c {
                let value = (100 * i + 10 * j + k) as f32;
                let at = i + a * (j + b * k);
                bytes[4 * at..4 * at + 4].copy_from_slice(&value.to_le_bytes());
            }
        }
    }
    let array = read(&npy("<f4", true, "(3, 4, 5)", &bytes), Class::Float, None).expect("array");
    let values = array.data.to_f64();
    for i in 0..a {
        for j in 0..b {
            for k in 0..c {
                assert_eq!(values[(i * b + j) * c + k], (100 * i + 10 * j + k) as f64, "[{i}, {j}, {k}]");
            }
        }
    }
}

#[test]
fn data_longer_than_a_chunk_arrive_whole() {
    let values: Vec<f32> = (0..100_003).map(|i| i as f32).collect();
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let array = read(&npy("<f4", false, "(100003,)", &bytes), Class::Float, None).expect("array");
    assert_eq!(array.data, Data::F32(values));
}

#[test]
fn every_f16_is_exact() {
    // Against the definition: (-1)^s * 2^(e - 15) * (1 + f / 1024), subnormals 2^-14 * f / 1024.
    for big in [false, true] {
        let all = (0..=u16::MAX).flat_map(|bits| if big { bits.to_be_bytes() } else { bits.to_le_bytes() });
        let file = npy(if big { ">f2" } else { "<f2" }, false, "(65536,)", &all.collect::<Vec<u8>>());
        let values = read(&file, Class::Float, None).expect("array").data.into_f64();
        for (bits, &got) in (0..=u16::MAX).zip(&values) {
            let sign = if bits & 0x8000 == 0 { 1.0 } else { -1.0 };
            let (e, f) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
            match e {
                31 if f == 0.0 => assert_eq!(got, sign * f64::INFINITY),
                31 => assert!(got.is_nan()),
                0 => {
                    assert_eq!(got, sign * 2f64.powi(-14) * f / 1024.0);
                    assert_eq!(got.is_sign_negative(), sign < 0.0);
                }
                _ => assert_eq!(got, sign * 2f64.powi(e - 15) * (1.0 + f / 1024.0)),
            }
        }
    }
}

#[test]
fn other_types_are_refused_by_name() {
    for (descr, class, found) in [
        ("|b1", Class::Float, "type |b1"),
        ("|b1", Class::Integer, "type |b1"),
        ("|b1", Class::Number, "type |b1"),
        ("<c8", Class::Float, "type <c8"),
        ("<i4", Class::Float, "type <i4"),
        ("<f4", Class::Integer, "type <f4"),
        ("|i1", Class::Bytes, "type |i1"),
        ("<f16", Class::Float, "type <f16"),
        ("|S4", Class::Float, "type |S4"),
        ("<U4", Class::Float, "type <U4"),
        ("|O", Class::Float, "Python objects"),
    ] {
        let error = read(&npy(descr, false, "(0,)", &[]), class, None).expect_err(descr);
        assert!(error.contains(found), "{descr}: {error}");
    }
    let structured = npy("<f4", false, "(1,)", &[0; 8]);
    let text = String::from_utf8_lossy(&structured).into_owned();
    assert!(text.contains("'<f4'"));
    let bytes: Vec<u8> = structured
        .windows(5)
        .position(|w| w == b"'<f4'")
        .map(|at| {
            let mut b = structured.clone();
            b.splice(at..at + 5, *b"[('a', '<f4'), ('b', '<f4')]");
            b[8] += 23;
            b
        })
        .expect("the type in the header");
    let error = read(&bytes, Class::Float, None).expect_err("structured");
    assert!(error.contains("a structured type"), "{error}");
}

#[test]
fn headers_that_lie_are_refused_before_data_are_read() {
    let huge = [
        "(1152921504606846976,)",
        "(4294967296, 4294967296)",
        "(0, 4294967296, 4294967296, 4294967296)",
        "(18446744073709551615,)",
        "(99999999999999999999999999,)",
        "(1000000000000,)",
    ];
    for shape in huge {
        let error = read(&npy("<f4", false, shape, &[0; 4]), Class::Float, None).expect_err(shape);
        assert!(error.contains("overflow") || error.contains("cut off"), "{shape}: {error}");
    }
    for (shape, found) in [
        ("(-1,)", "negative"),
        ("(1+1+1, 4)", "signs"),
        ("(1.5,)", "does not parse"),
        ("(0xff,)", "odd numbers"),
        ("(1_0,)", "odd numbers"),
        ("3", "does not parse"),
        ("(3", "does not parse"),
        ("('3',)", "must be an integer"),
    ] {
        let error = read(&npy("<f4", false, shape, &[0; 4]), Class::Float, None).expect_err(shape);
        assert!(error.contains(found), "{shape}: {error}");
    }
    let nested = format!("{}1{}", "(".repeat(5000), ")".repeat(4000));
    let error = read(&npy("<f4", false, &nested, &[]), Class::Float, None).expect_err("nested");
    assert!(error.contains("deeply nested"), "{error}");
    let good = npy("<f4", false, "(2,)", &[0; 8]);
    let longer = [&good[..], &[0]].concat();
    for (bytes, found) in [
        (&good[..good.len() - 1], "135 bytes"),
        (&longer[..], "137 bytes"),
        (&good[..50], "within the header"),
        (&good[..7], "within the header"),
        (&b"hello, this is text"[..], "other bytes"),
        (&[][..], "within the header"),
    ] {
        let error = read(bytes, Class::Float, None).expect_err(found);
        assert!(error.contains(found), "{error}");
    }
    let mut version = good.clone();
    version[6] = 9;
    let error = read(&version, Class::Float, None).expect_err("version");
    assert!(error.contains("found version 9.0"), "{error}");
    version[6] = 2;
    version[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
    let error = read(&version, Class::Float, None).expect_err("length");
    assert!(error.contains("a header of 4294967295 bytes"), "{error}");
}

/// A `.npy` file of version 2 or 3 with this header.
fn npy_of(version: u8, header: &[u8], data: &[u8]) -> Vec<u8> {
    let mut out = b"\x93NUMPY".to_vec();
    out.extend([version, 0]);
    out.extend((header.len() as u32).to_le_bytes());
    out.extend(header);
    out.extend(data);
    out
}

#[test]
fn versions_two_and_three_read() {
    let one = npy("<f4", false, "(1,)", &1.5f32.to_le_bytes());
    let (header, data) = one[10..].split_at(one.len() - 14);
    for version in [2, 3] {
        for spaces in [0, 10_000 - header.len()] {
            let header = [&vec![b' '; spaces], header].concat();
            let array = read(&npy_of(version, &header, data), Class::Float, None).expect("array");
            assert_eq!(array.data, Data::F32(vec![1.5]));
        }
        // Announced, not there: it is refused by the length alone.
        let mut long = npy_of(version, header, data);
        long[8..12].copy_from_slice(&10_001u32.to_le_bytes());
        let error = read(&long, Class::Float, None).expect_err("length");
        assert!(error.contains("a header of 10001 bytes"), "{error}");
        // A type of one character and two bytes; bytes that are no UTF-8; a field's name.
        for descr in [&b"'\xc3\xa9'"[..], b"'\xff'", b"[('\xc3\xa9', '<f4')]"] {
            let header = [b"{'descr': ", descr, b", 'fortran_order': False, 'shape': (1,), }\n"].concat();
            let error = read(&npy_of(version, &header, data), Class::Float, None).expect_err("UTF-8");
            assert!(error.contains("odd characters"), "{error}");
        }
    }
}

#[test]
fn structured_types_and_objects_are_refused_by_name() {
    let fields = (0..150).map(|i| format!("('f{i}', '<f4'), ")).collect::<String>();
    for (descr, found) in [
        ("[('a', '<f4')]", "a structured type"),
        ("[('a', '<f4', (2, 3)), ('b', '|O')]", "a structured type"),
        ("[('a', [('b', '<f4')])]", "a structured type"),
        ("[('a(((((((', '<f4')]", "a structured type"),
        (&format!("[{fields}]"), "a structured type"),
        ("'|O'", "Python objects (a pickle)"),
        ("'|V8'", "type |V8"),
        ("'<M8[ns]'", "type <M8[ns]"),
        ("('<f4', (2,))", "does not parse"),
        ("'f4'", "does not parse"),
        ("None", "does not parse"),
    ] {
        let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (1,), }}\n");
        for class in [Class::Float, Class::Integer, Class::Number, Class::Bytes] {
            let error = read(&npy_of(3, header.as_bytes(), &[0; 8]), class, None).expect_err(descr);
            assert!(error.contains(found), "{descr}: {error}");
            assert!(error.contains("a.npy: array: expected ") && error.contains("; "), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}

#[test]
fn headers_that_would_trouble_a_parser_are_refused_at_once() {
    // A sixteenth of the stack that a thread has.
    let small = std::thread::Builder::new().stack_size(128 << 10);
    let run = || {
        let refused = |header: &str, found: &str| {
            let start = std::time::Instant::now();
            let error = read(&npy_of(2, header.as_bytes(), &[]), Class::Float, None).expect_err(found);
            assert!(error.contains(found), "{}: {error}", &header[..header.len().min(200)]);
            assert!(error.len() < 1000 && !error.contains('\n'), "{error}");
            assert!(start.elapsed().as_secs() < 20, "{:?}: {error}", start.elapsed());
        };
        for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("({[", "]})"), ("{1:", "}")] {
            for (depth, inner) in
                [(1, 9900), (2, 9900), (4, 9900), (5, 9900), (8, 9900), (60, 100), (1000, 0)]
            {
                let value =
                    format!("{}{}{}", open.repeat(depth), "'a',".repeat(inner / 4), close.repeat(depth));
                refused(&value, "header");
                refused(&format!("{{'descr': {value}}}"), "header");
                if open.len() * depth > 5 && inner < 9900 {
                    refused(&format!("{{'shape': {value}}}"), "a deeply nested header");
                }
            }
        }
        refused(&"(".repeat(10_000), "a deeply nested header");
        refused(&"'(',".repeat(2500), "does not parse");
        refused(&")".repeat(10_000), "does not parse");
        refused(&format!("{}{}", ")".repeat(100), "(".repeat(100)), "a deeply nested header");
        let with = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
        refused(&with(&format!("({})", "1,".repeat(65))), "a header with 65 sizes");
        refused(&with(&format!("({})", "1,".repeat(4900))), "a header with 4900 sizes");
        refused(&with(&format!("({}1,)", "0".repeat(9000))), "odd numbers");
        refused(&with(&format!("({},)", "9".repeat(9000))), "overflow");
        refused(&with("(1,), 'shape': (1,)"), "more than descr, fortran_order and shape");
        refused(&with("(1,), 'more': 1"), "more than descr, fortran_order and shape");
        refused("{'descr': '<f4', 'descr': '<f4', 'shape': (1,)}", "missing key 'fortran_order'");
        refused(&with("(\n1,)"), "odd characters");
        refused(&(with("(1,)") + "\n"), "odd characters");
        refused(&(with("(1,)") + "\t"), "odd characters");
        refused(&with("('1,)"), "does not parse");
    };
    small.spawn(run).expect("a thread").join().expect("refused");
}

#[test]
fn sixty_four_dimensions_and_no_more() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.npz");
    let array = |n: usize| Array { shape: vec![1; n], data: Data::F32(vec![7.0]) };
    write_npz(&path, &[("a", &array(64))], Packing::Stored).expect("written");
    let back = Archive::open(&path).and_then(|a| a.read("a", Class::Float, None)).expect("read");
    assert_eq!(back, array(64));
    let error = write_npz(&path, &[("a", &array(65))], Packing::Stored).expect_err("65").to_string();
    assert!(error.contains("at most 64 sizes"), "{error}");
    write_npz(&path, &[("a", &array(30_000))], Packing::Stored).expect_err("30,000");
}

#[test]
fn headers_alike_but_for_their_sizes_are_told_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let values: Vec<u8> = (0..24).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let cases: [(&str, &str, bool, &str, &[usize]); 8] = [
        ("a", "<f4", false, "(2, 12)", &[2, 12]),
        ("b", "<f4", false, "(12, 2)", &[12, 2]),
        ("c", "<f4", true, "(12, 2)", &[12, 2]),
        ("d", "<f4", false, "(24, )", &[24]),
        ("e", "<f8", false, "(12, )", &[12]),
        ("f", "<f4", false, "(2, 3, 4)", &[2, 3, 4]),
        ("g", ">f4", false, "(2, 12)", &[2, 12]),
        ("h", "<f4", true, "(2, 12)", &[2, 12]),
    ];
    for (name, descr, fortran, shape, _) in cases {
        let path = folder.path().join(format!("{name}.npy"));
        std::fs::write(path, npy(descr, fortran, shape, &values)).expect("written");
    }
    let archive = Archive::open(folder.path()).expect("archive");
    for (name, _, _, _, shape) in cases {
        let array = archive.read(name, Class::Float, None).expect(name);
        assert_eq!(array.shape, shape, "{name}");
        let alone = read_npy(folder.path().join(format!("{name}.npy")), Class::Float, None).expect(name);
        assert_eq!(array, alone, "{name}");
    }
    // What one header may not say, another of its kind may not either.
    for (name, shape) in [("i", "(4294967296, 4294967296)"), ("j", "(2, 13)"), ("k", "(, )")] {
        let path = folder.path().join(format!("{name}.npy"));
        std::fs::write(path, npy("<f4", false, shape, &values)).expect("written");
    }
    let archive = Archive::open(folder.path()).expect("archive");
    for name in ["a", "d"] {
        archive.read(name, Class::Float, None).expect(name);
    }
    for (name, found) in [("i", "overflow"), ("j", "cut off"), ("k", "does not parse")] {
        let error = archive.read(name, Class::Float, None).expect_err(name).to_string();
        assert!(error.contains(found), "{error}");
    }
}

fn sample() -> Vec<(&'static str, Array)> {
    let array = |shape: &[usize], data| Array { shape: shape.to_vec(), data };
    vec![
        ("a.b", array(&[2, 2], Data::F32(vec![1.0, -0.0, 3.5e-40, f32::MAX]))),
        ("c", array(&[3], Data::F64(vec![0.1, 1e300, -2.0]))),
        ("i", array(&[1, 1], Data::I64(vec![i64::MIN]))),
        ("u", array(&[], Data::U64(vec![u64::MAX]))),
        ("bytes", array(&[2], Data::U8(vec![0, 255]))),
        ("none", array(&[0, 7], Data::F32(vec![]))),
        ("long", array(&[50_000], Data::F32((0..50_000).map(|i| i as f32).collect()))),
    ]
}

fn class_of(data: &Data) -> Class {
    match data {
        Data::F32(_) | Data::F64(_) => Class::Float,
        _ => Class::Integer,
    }
}

#[test]
fn what_is_written_reads_back_bit_for_bit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let arrays = sample();
    let list: Vec<(&str, &Array)> = arrays.iter().map(|(n, a)| (*n, a)).collect();
    let mut sizes = Vec::new();
    for packing in [Packing::Stored, Packing::Deflated] {
        let path = folder.path().join("x.npz");
        // Twice: the second replaces the first.
        for _ in 0..2 {
            write_npz(&path, &list, packing).expect("written");
        }
        let archive = Archive::open(&path).expect("archive");
        let mut names: Vec<&str> = list.iter().map(|(n, _)| *n).collect();
        names.sort_unstable();
        assert_eq!(archive.names(), names);
        for (name, array) in &list {
            let back = archive.read(name, class_of(&array.data), None).expect(name);
            assert_eq!(back, **array, "{name}");
        }
        sizes.push(std::fs::metadata(&path).expect("size").len());
    }
    assert!(sizes[1] < sizes[0], "deflating made nothing smaller: {sizes:?}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("list").collect();
    assert_eq!(left.len(), 1, "temporary files are left: {left:?}");
}

#[test]
fn a_failed_write_leaves_what_was_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("x.npz");
    std::fs::write(&path, "before").expect("written");
    let bad = Array { shape: vec![3], data: Data::F32(vec![0.0]) };
    let good = Array { shape: vec![1], data: Data::F32(vec![0.0]) };
    for list in [vec![("a", &bad)], vec![("a", &good), ("a", &good)], vec![("", &good)]] {
        write_npz(&path, &list, Packing::Stored).expect_err("bad arrays");
        assert_eq!(std::fs::read(&path).expect("file"), b"before");
    }
    let error = write_npz(folder.path(), &[("a", &good)], Packing::Stored).expect_err("directory");
    assert!(error.to_string().contains("a directory"), "{error}");
    let nowhere = folder.path().join("no/such/x.npz");
    let error = write_npz(&nowhere, &[("a", &good)], Packing::Stored).expect_err("folder");
    assert!(error.to_string().contains("make the folder first"), "{error}");
}

#[test]
fn what_is_no_file_is_refused() {
    let error = |path: &Path| Archive::open(path).expect_err("refused").to_string();
    assert!(error(Path::new("/no/such/file.npz")).contains("check the path"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let as_array = read_npy(folder.path(), Class::Float, None).expect_err("directory");
    assert!(as_array.to_string().contains("found a directory"), "{as_array}");
    #[cfg(unix)]
    {
        assert!(error(Path::new("/dev/null")).contains("a pipe, device or socket"));
        let plain = read_npy("/dev/zero", Class::Float, None).expect_err("device");
        assert!(plain.to_string().contains("a pipe, device or socket"));
    }
}
