//! Sound archives with an array that is wrong.

use crate::forge::{Member, npy, npy_with, zip};
use crate::good::{Case, HEAD, config_member, floats, good, position, with_file, with_value};

pub(crate) fn array_cases() -> Vec<Case> {
    let shape = "(8, 4, 1)";
    let head = |descr: &str, shape: &str, data: &[u8]| with_file(HEAD, npy(descr, shape, data));
    let mut version = npy("'<f4'", shape, &floats(32));
    version[6] = 4;
    let mut long = npy("'<f4'", shape, &floats(32));
    long[6] = 2;
    long[8..12].fill(0xff);
    vec![
        (
            "missing",
            zip(&{
                let mut l = good();
                l.remove(position(&l, HEAD));
                l
            }),
            "head.conv.weight: expected an array of shape [8, 4, 1], found none of this name",
        ),
        (
            "unknown",
            zip(&{
                let mut l = good();
                l.push(Member::stored("blocks.7.extra.npy", vec![]));
                l
            }),
            "blocks.7.extra: expected only arrays of the configured network",
        ),
        ("not an array", with_file(HEAD, vec![7; 300]), "found other bytes at its start"),
        ("empty member", with_file(HEAD, vec![]), "found an end within the header"),
        (
            "ends in its header",
            with_file(HEAD, npy("'<f4'", shape, &[])[..40].to_vec()),
            "found an end within the header",
        ),
        (
            "version 4",
            with_file(HEAD, version),
            "expected version 1.0, 2.0 or 3.0 of the .npy format, found version 4.0",
        ),
        ("header of 4 GiB", with_file(HEAD, long), "a header of 4294967295 bytes"),
        (
            "header of garbage",
            with_file(HEAD, npy_with("\u{1}\u{2}\u{3}", &floats(32))),
            "a header with odd characters",
        ),
        (
            "header is no dictionary",
            with_file(HEAD, npy_with("[1, 2]\n", &floats(32))),
            "a header that does not parse",
        ),
        (
            "header without a shape",
            with_file(HEAD, npy_with("{'descr': '<f4', 'fortran_order': False, }\n", &floats(32))),
            "missing key 'shape'",
        ),
        (
            "other shape",
            head("'<f4'", "(4, 8, 1)", &floats(32)),
            "expected shape [8, 4, 1], found shape [4, 8, 1]",
        ),
        ("other rank", head("'<f4'", "(8, 4)", &floats(32)), "expected shape [8, 4, 1], found shape [8, 4]"),
        ("scalar", head("'<f4'", "()", &floats(1)), "found shape []"),
        ("no elements", head("'<f4'", "(0,)", &[]), "found shape [0]"),
        (
            "2^60 elements",
            head("'<f4'", "(1152921504606846976,)", &floats(1)),
            "found shape [1152921504606846976]",
        ),
        ("2^64 elements", head("'<f4'", "(4294967296, 4294967296)", &floats(1)), "sizes that overflow"),
        ("overflow behind a zero", head("'<f4'", "(0, 4294967296, 4294967296)", &[]), "sizes that overflow"),
        ("negative size", head("'<f4'", "(-8, 4, 1)", &floats(32)), "negative"),
        ("integers", head("'<i4'", shape, &floats(32)), "expected floats (f2, f4 or f8), found type <i4"),
        ("booleans", head("'|b1'", shape, &[0; 32]), "found type |b1"),
        ("complex", head("'<c8'", shape, &[0; 256]), "found type <c8"),
        ("long double", head("'<f16'", shape, &[0; 512]), "found type <f16"),
        ("unknown type", head("'<q9'", shape, &[0; 288]), "a header that does not parse"),
        ("pickle", head("'|O'", shape, &[0x80; 40]), "found Python objects (a pickle)"),
        ("structured", head("[('a', '<f4')]", shape, &floats(32)), "found a structured type"),
        ("an element short", head("'<f4'", shape, &floats(31)), "it is cut off or has trailing bytes"),
        ("an element more", head("'<f4'", shape, &floats(33)), "it is cut off or has trailing bytes"),
        (
            "NaN",
            with_value(HEAD, f32::NAN),
            "head.conv.weight: expected finite values, found NaN at element 31 of 32",
        ),
        ("infinity", with_value(HEAD, f32::INFINITY), "found inf at element 31 of 32"),
        (
            "minus infinity",
            with_value("classifier.bias", f32::NEG_INFINITY),
            "classifier.bias: expected finite values, found -inf at element 1 of 2",
        ),
        ("infinite f2", head("'<f2'", shape, &[0x00, 0x7c].repeat(32)), "found inf at element 0 of 32"),
        (
            "f8 beyond f32",
            head("'>f8'", shape, &1e39f64.to_be_bytes().repeat(32)),
            "found 1e39 at element 0, which overflows f32",
        ),
        (
            "variance below 0",
            with_value("head.bn.running_var", -0.5),
            "head.bn.running_var: expected variances above -bn_eps = -0.001, found -0.5 at element 7",
        ),
        ("variance + eps = 0", variance_and_eps_of_zero(), "head.bn.running_var: expected variances above"),
        (
            "folded beyond f32",
            {
                let mut l = good();
                let at = position(&l, HEAD);
                l[at] = Member::stored(
                    "head.conv.weight.npy",
                    npy("'<f4'", shape, &3e38f32.to_le_bytes().repeat(32)),
                );
                let at = position(&l, "head.bn.weight");
                l[at] = Member::stored(
                    "head.bn.weight.npy",
                    npy("'<f4'", "(8,)", &1e5f32.to_le_bytes().repeat(8)),
                );
                zip(&l)
            },
            "head.bn: expected a weight that is finite once batch norm is folded in",
        ),
    ]
}

/// The configuration's `bn_eps` and one running variance are both 0.
fn variance_and_eps_of_zero() -> Vec<u8> {
    let text = crate::good::config().to_json().expect("text");
    let text = text.replacen("\"bn_eps\": 0.001", "\"bn_eps\": 0.0", 1);
    let mut members = good();
    let at = position(&members, "config");
    members[at] = config_member(text.as_bytes());
    let at = position(&members, "head.bn.running_var");
    members[at] = Member::stored("head.bn.running_var.npy", npy("'<f4'", "(8,)", &floats(8)));
    zip(&members)
}
