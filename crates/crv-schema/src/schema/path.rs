//! The path of a field: `additional_payload.legs[].price`. Built on the stack, formatted only for messages.

use std::fmt;

/// The path of a field in a table. Each step borrows its parent, so that no allocation is needed.
#[derive(Clone, Copy, Debug)]
pub struct FieldPath<'a> {
    parent: Option<&'a FieldPath<'a>>,
    step: Step<'a>,
    depth: usize,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Field(&'a str),
    Item,
}

impl<'a> FieldPath<'a> {
    /// The path of a column.
    pub fn column(name: &'a str) -> FieldPath<'a> {
        FieldPath { parent: None, step: Step::Field(name), depth: 1 }
    }

    /// The path of a field inside the struct at this path.
    #[must_use]
    pub fn field(&'a self, name: &'a str) -> FieldPath<'a> {
        FieldPath { parent: Some(self), step: Step::Field(name), depth: self.depth + 1 }
    }

    /// The path of the items of the list at this path.
    #[must_use]
    pub fn item(&'a self) -> FieldPath<'a> {
        FieldPath { parent: Some(self), step: Step::Item, depth: self.depth + 1 }
    }

    /// The depth of this path; a column is at 1.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Field(name) if self.parent.is_some() => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Item => f.write_str("[]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_from_the_column_down() {
        let column = FieldPath::column("additional_payload");
        let legs = column.field("legs");
        let item = legs.item();
        let price = item.field("price");
        assert_eq!(price.to_string(), "additional_payload.legs[].price");
        assert_eq!(price.depth(), 4);
    }
}
