//! Rows of numbers into and out of mapped buffers.

use efficientecg_kernels::gpu::{Element, Storage, pitch};
use efficientecg_kernels::tensor::Shape;
use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use half::vec::HalfFloatVecExt;

/// Writes a row at a byte, as f32 or f16.
pub(super) fn write_row(mapped: &mut wgpu::BufferViewMut, at: usize, row: &[f32], halves: bool) {
    let mut write = |bytes: &[u8]| mapped.slice(at..at + bytes.len()).copy_from_slice(bytes);
    if halves {
        let row = Vec::<f16>::from_f32_slice(row);
        write(bytemuck::cast_slice(row.reinterpret_cast()));
    } else {
        write(bytemuck::cast_slice(row));
    }
}

/// Reads `[batch, rows, pitch]` cells of an element into dense f32.
pub(super) fn read_matrix(bytes: &[u8], element: Element, storage: Storage, shape: Shape, data: &mut [f32]) {
    let halves = element == Element::Four && storage != Storage::F32;
    let size = if halves { 2 } else { 4 };
    let rows = bytes.chunks_exact(size * pitch(shape.cols)).map(|row| &row[..size * shape.cols]);
    let mut bits = vec![0u16; if halves { shape.cols } else { 0 }];
    // Numbers are seen as bytes: bytes of a mapping need not lie as numbers must.
    for (to, from) in data.chunks_exact_mut(shape.cols).zip(rows) {
        if halves {
            bytemuck::cast_slice_mut(&mut bits).copy_from_slice(from);
            bits.reinterpret_cast::<f16>().convert_to_f32_slice(to);
        } else {
            bytemuck::cast_slice_mut(to).copy_from_slice(from);
        }
    }
}
