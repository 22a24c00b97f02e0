//! Rows of numbers into and out of mapped buffers.

use efficientecg_kernels::gpu::{Element, Storage, pitch};
use efficientecg_kernels::half;
use efficientecg_kernels::view::Shape;

/// Writes a row at a byte, as f32 or f16.
pub(super) fn write_row(mapped: &mut wgpu::BufferViewMut, at: usize, row: &[f32], halves: bool) {
    if halves {
        let bytes: Vec<u8> = row.iter().flat_map(|v| half::from_f64(f64::from(*v)).to_ne_bytes()).collect();
        mapped.slice(at..at + bytes.len()).copy_from_slice(&bytes);
    } else {
        // SAFETY: plain floats seen as bytes.
        let bytes = unsafe { std::slice::from_raw_parts(row.as_ptr().cast::<u8>(), 4 * row.len()) };
        mapped.slice(at..at + bytes.len()).copy_from_slice(bytes);
    }
}

/// Reads `[batch, rows, pitch]` cells of an element into dense f32.
pub(super) fn read_matrix(bytes: &[u8], element: Element, storage: Storage, shape: Shape, data: &mut [f32]) {
    let halves = element == Element::Four && storage != Storage::F32;
    let size = if halves { 2 } else { 4 };
    let rows = bytes.chunks_exact(size * pitch(shape.cols));
    for (to, from) in data.chunks_exact_mut(shape.cols).zip(rows) {
        for (to, from) in to.iter_mut().zip(from.chunks_exact(size)) {
            *to = match *from {
                [a, b] => half::to_f32(u16::from_ne_bytes([a, b])),
                [a, b, c, d] => f32::from_ne_bytes([a, b, c, d]),
                _ => f32::NAN,
            };
        }
    }
}
