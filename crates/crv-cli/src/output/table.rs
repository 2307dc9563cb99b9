//! Aligned text tables.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The gap between two columns.
const GAP: &str = "  ";

/// Columns are never cut below this width.
const MIN_WIDTH: usize = 6;

/// The alignment of a column's cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A header and rows of cells.
#[derive(Debug)]
pub(crate) struct TextTable {
    header: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    pub(crate) fn new<T: Into<String>>(header: impl IntoIterator<Item = (T, Align)>) -> Self {
        let header = header.into_iter().map(|(name, align)| (name.into(), align)).collect();
        Self { header, rows: Vec::new() }
    }

    /// Adds a row. Control characters are escaped, so that they do not reach the terminal.
    pub(crate) fn push(&mut self, cells: impl IntoIterator<Item = String>) {
        let visible = |cell: String| {
            if cell.chars().any(char::is_control) {
                cell.chars()
                    .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() })
                    .collect()
            } else {
                cell
            }
        };
        self.rows.push(cells.into_iter().map(visible).collect());
    }

    /// Renders the table as lines. With a width, wide cells are cut so that lines fit.
    pub(crate) fn render(&self, width: Option<usize>, styled: bool) -> String {
        let widths = self.widths(width);
        let header = self.line(&widths, self.header.iter().map(|(name, _)| name.as_str()));
        let mut text = if styled { format!("\x1b[1m{header}\x1b[0m\n") } else { format!("{header}\n") };
        for row in &self.rows {
            text.push_str(&self.line(&widths, row.iter().map(String::as_str)));
            text.push('\n');
        }
        text
    }

    fn widths(&self, limit: Option<usize>) -> Vec<usize> {
        let mut widths: Vec<usize> = self.header.iter().map(|(name, _)| name.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        let Some(limit) = limit else { return widths };
        let gaps = GAP.len() * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > limit {
            match widths.iter_mut().max() {
                Some(widest) if *widest > MIN_WIDTH => *widest -= 1,
                _ => break,
            }
        }
        widths
    }

    fn line<'a>(&self, widths: &[usize], cells: impl Iterator<Item = &'a str>) -> String {
        let mut line = String::new();
        for (at, ((cell, width), (_, align))) in cells.zip(widths).zip(&self.header).enumerate() {
            if at > 0 {
                line.push_str(GAP);
            }
            let cell = cut(cell, *width);
            let blank = " ".repeat(width - cell.width().min(*width));
            match align {
                Align::Left => line.extend([cell.as_str(), &blank]),
                Align::Right => line.extend([blank.as_str(), &cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

/// Cuts a cell to a width; `…` marks the cut.
fn cut(cell: &str, width: usize) -> String {
    if cell.width() <= width {
        return cell.to_owned();
    }
    let mut text = String::new();
    let mut used = 1;
    for char in cell.chars() {
        used += char.width().unwrap_or(0);
        if used > width {
            break;
        }
        text.push(char);
    }
    text + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TextTable {
        let mut table =
            TextTable::new([("NAME", Align::Left), ("ROWS", Align::Right), ("NOTE", Align::Left)]);
        table.push(["ein Tisch".into(), "5".into(), "a\nb\u{1b}[31m".into()]);
        table.push(["日本語".into(), "12,345".into(), String::new()]);
        table
    }

    #[test]
    fn columns_are_aligned_and_control_characters_are_shown() {
        let expected = "NAME         ROWS  NOTE\n\
                        ein Tisch       5  a\\nb\\u{1b}[31m\n\
                        日本語     12,345\n";
        assert_eq!(table().render(None, false), expected);
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_cells() {
        let expected = "NAME        ROWS  NOTE\n\
                        ein Tis…       5  a\\nb\\u…\n\
                        日本語    12,345\n";
        let text = table().render(Some(25), false);
        assert_eq!(text, expected);
        assert!(text.lines().all(|line| line.width() <= 25));
    }

    #[test]
    fn only_the_header_is_styled() {
        let text = table().render(None, true);
        assert!(text.starts_with("\x1b[1mNAME         ROWS  NOTE\x1b[0m\n"));
        assert_eq!(text.matches('\x1b').count(), 2);
    }
}
