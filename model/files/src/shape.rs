//! Shapes of arrays, as files hold them.

use crate::ItemError;

/// One dimension of an expected shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dim {
    /// This size.
    Is(usize),
    /// Any size; the name stands for it in messages.
    Any(&'static str),
}

/// Holds a shape against the expected one.
pub fn check_shape(item: &str, found: &[usize], want: &[Dim]) -> Result<(), ItemError> {
    let same = |(n, dim): (&usize, &Dim)| match dim {
        Dim::Is(size) => n == size,
        Dim::Any(_) => true,
    };
    if found.len() == want.len() && found.iter().zip(want).all(same) {
        return Ok(());
    }
    let want: Vec<String> = want
        .iter()
        .map(|dim| match dim {
            Dim::Is(size) => size.to_string(),
            Dim::Any(name) => (*name).to_owned(),
        })
        .collect();
    Err(ItemError::new(
        item,
        format!("shape [{}]", want.join(", ")),
        format!("shape {found:?}"),
        "save the array with the expected shape",
    ))
}
