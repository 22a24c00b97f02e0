//! Views of matrices, small enough for Miri.

use efficientecg_kernels::tensor::{Layout, Shape, TensorViewMut};

#[test]
fn small() {
    for (shape, layout) in [Layout::Rows, Layout::Blocks]
        .into_iter()
        .flat_map(|layout| [Shape::new(3, 5), Shape::new(17, 2)].map(|shape| (shape, layout)))
    {
        let mut cells = vec![f32::NAN; layout.cells(shape)];
        for i in 0..shape.len() {
            cells[layout.at(shape, i / shape.cols, i % shape.cols)] = i as f32;
        }
        let view = TensorViewMut::new(&mut cells, shape, layout);
        let mut out = vec![f32::NAN; shape.len()];
        // SAFETY: nobody writes.
        unsafe { view.as_view() }.unpack(&mut out);
        assert!(out.iter().enumerate().all(|(i, v)| *v == i as f32), "{layout:?} {shape}: {out:?}");
    }
}
