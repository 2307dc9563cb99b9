//! CSV with types: each column gets the type of its values, as long as no value is changed by it.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Float64Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{Field, Schema};
use csv::StringRecord;

use super::csv_read::failed;
use super::error::FormatError;

/// The largest integer up to which every integer is a float.
const EXACT: u64 = 1 << 53;

/// What the values of a column are. An empty cell is a null, and tells nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Empty,
    Bool,
    /// Integers, and whether a float holds each of them.
    Int {
        exact: bool,
    },
    Float,
    Text,
}

impl Kind {
    fn of(cell: &str) -> Self {
        if cell.is_empty() {
            return Self::Empty;
        }
        if matches!(cell, "true" | "false" | "True" | "False" | "TRUE" | "FALSE") {
            return Self::Bool;
        }
        // Codes such as `007` and `+1` would not come back as they were written.
        let digits = cell.strip_prefix('-').unwrap_or(cell);
        let is_code = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
        if is_code || !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return if matches!(cell, "NaN" | "nan") { Self::Float } else { Self::Text };
        }
        match cell.parse::<i64>() {
            Ok(integer) => Self::Int { exact: integer.unsigned_abs() <= EXACT },
            Err(_) if !digits.contains(['.', 'e', 'E']) => Self::Text,
            Err(_) => {
                cell.parse::<f64>().ok().filter(|float| float.is_finite()).map_or(Self::Text, |_| Self::Float)
            }
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Empty, kind) | (kind, Self::Empty) => kind,
            (Self::Int { exact: one }, Self::Int { exact: other }) => Self::Int { exact: one && other },
            (Self::Int { exact: true }, Self::Float) | (Self::Float, Self::Int { exact: true }) => {
                Self::Float
            }
            (one, other) if one == other => one,
            _ => Self::Text,
        }
    }
}

/// Reads a CSV file whose header is after `skipped` lines, with the types of its values: integers, floats, booleans, else text.
/// An empty cell is a null. The file is read into memory.
pub fn read_typed_csv(path: &Path, skipped: usize) -> Result<RecordBatch, FormatError> {
    let name = path.display().to_string();
    let bytes = fs_err::read(path).map_err(|error| FormatError::io(&name, &error))?;
    let start = (0..skipped).try_fold(0, |at, _| {
        let line = bytes.get(at..)?.iter().position(|byte| *byte == b'\n')?;
        Some(at + line + 1)
    });
    let short = || FormatError::input(&name, format_args!("it has no more than {skipped} lines"));
    let rows = start.and_then(|start| bytes.get(start..)).ok_or_else(short)?;
    // Empty lines are passed over, and counted: errors name the lines of the file.
    let before = vec![b'\n'; skipped];
    let reader = || csv::ReaderBuilder::new().from_reader(before.as_slice().chain(rows));
    let header = reader().headers().map_err(|error| failed(&name, &error))?.clone();
    check_header(&name, &header)?;
    let mut kinds = vec![Kind::Empty; header.len()];
    each_row(&name, reader(), |row| {
        kinds.iter_mut().zip(row).for_each(|(kind, cell)| *kind = kind.and(Kind::of(cell)));
    })?;
    let mut columns: Vec<Column> = kinds.into_iter().map(Column::new).collect();
    each_row(&name, reader(), |row| {
        columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    })?;
    let arrays: Vec<ArrayRef> = columns.into_iter().map(Column::finish).collect();
    let fields =
        header.iter().zip(&arrays).map(|(name, array)| Field::new(name, array.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, arrays).map_err(|error| FormatError::input(&name, error))
}

fn check_header(name: &str, header: &StringRecord) -> Result<(), FormatError> {
    if header.is_empty() {
        return Err(FormatError::input(name, "no header line")
            .with_hint("the first line of a CSV file names the columns"));
    }
    let twice =
        header.iter().enumerate().find(|(at, column)| header.iter().take(*at).any(|known| known == *column));
    match twice {
        Some((_, column)) => {
            Err(FormatError::input(name, format_args!("the header names the column `{column}` twice")))
        }
        None => Ok(()),
    }
}

fn each_row(
    name: &str,
    mut reader: csv::Reader<impl Read>,
    mut act: impl FnMut(&StringRecord),
) -> Result<(), FormatError> {
    let mut row = StringRecord::new();
    while reader.read_record(&mut row).map_err(|error| failed(name, &error))? {
        act(&row);
    }
    Ok(())
}

/// A column that is being built. Every cell fits: the kinds are known.
enum Column {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl Column {
    fn new(kind: Kind) -> Self {
        match kind {
            Kind::Bool => Self::Bool(BooleanBuilder::new()),
            Kind::Int { .. } => Self::Int(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Text | Kind::Empty => Self::Text(StringBuilder::new()),
        }
    }

    fn push(&mut self, cell: &str) {
        let is_there = !cell.is_empty();
        match self {
            Self::Bool(column) => column.append_option(is_there.then(|| cell.eq_ignore_ascii_case("true"))),
            Self::Int(column) => column.append_option(cell.parse().ok()),
            Self::Float(column) => column.append_option(cell.parse().ok()),
            Self::Text(column) => column.append_option(is_there.then_some(cell)),
        }
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Bool(mut column) => Arc::new(column.finish()),
            Self::Int(mut column) => Arc::new(column.finish()),
            Self::Float(mut column) => Arc::new(column.finish()),
            Self::Text(mut column) => Arc::new(column.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array as _;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, Int64Type};
    use arrow_schema::DataType;

    use DataType::{Boolean, Float64, Int64, Utf8};

    use super::*;

    fn read(text: &str, skipped: usize) -> Result<RecordBatch, FormatError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs_err::write(file.path(), text).unwrap();
        read_typed_csv(file.path(), skipped)
    }

    #[test]
    fn a_column_has_the_type_of_its_values_and_no_value_changes() {
        let text = "int,float,mixed,flag,code,large,wide,empty,text\n\
                    1,0.5,1,true,007,9223372036854775807,9007199254740993,,a\n\
                    -2,1e3,2.5,False,12,1,0.5,,\n\
                    ,NaN,,,,,,,\"b, c\"\n";
        let batch = read(text, 0).unwrap();
        let types: Vec<DataType> =
            batch.schema().fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(types, [Int64, Float64, Float64, Boolean, Utf8, Int64, Utf8, Utf8, Utf8]);
        assert_eq!(
            batch.column(0).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
            [Some(1), Some(-2), None]
        );
        let floats = batch.column(1).as_primitive::<Float64Type>();
        assert_eq!(floats.value(1).to_bits(), 1_000_f64.to_bits());
        assert!(floats.value(2).is_nan());
        assert_eq!(batch.column(3).as_boolean().iter().collect::<Vec<_>>(), [Some(true), Some(false), None]);
        assert_eq!(batch.column(4).as_string::<i32>().value(0), "007");
        assert_eq!(batch.column(6).as_string::<i32>().value(0), "9007199254740993", "no float holds it");
        assert_eq!(batch.column(7).null_count(), 3);
        assert_eq!(batch.column(8).as_string::<i32>().value(2), "b, c");
    }

    #[test]
    fn lines_before_the_header_are_skipped_and_bad_files_are_named() {
        let batch = read("title\nmore, of it\na,b\n1,2\n", 2).unwrap();
        assert_eq!((batch.num_rows(), batch.schema().field(0).name().as_str()), (1, "a"));
        for (text, skipped, told) in [
            ("a\n", 3, "it has no more than 3 lines"),
            ("", 0, "no header line"),
            ("a,a\n1,2\n", 0, "the header names the column `a` twice"),
            ("a,b\n1\n", 0, "line 2"),
            ("x\ny\na,b\n1\n", 2, "line 4"),
        ] {
            let error = read(text, skipped).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert_eq!(read("a,b\n", 0).unwrap().num_rows(), 0);
    }
}
