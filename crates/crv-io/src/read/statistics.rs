//! What a footer's statistics tell about the values of a column in a row group.

use crv_schema::filter::{Bounds, Literal};
use parquet::basic::{ConvertedType, LogicalType, TimeUnit};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;

/// The bounds of the column, or of the field in its structs, with these names. One that the part lacks is null.
pub(super) fn bounds(group: &RowGroupMetaData, names: &[impl AsRef<str>]) -> Bounds {
    // Names may have dots: they are compared one by one.
    let is_inside = |column: &ColumnChunkMetaData| {
        let parts = column.column_path().parts();
        parts.len() >= names.len() && parts.iter().zip(names).all(|(part, name)| part == name.as_ref())
    };
    let Some(column) = group.columns().iter().find(|column| is_inside(column)) else { return Bounds::Null };
    if column.column_path().parts().len() > names.len() {
        // A struct or a list is no leaf.
        return Bounds::Unknown;
    }
    let Some(statistics) = column.statistics() else { return Bounds::Unknown };
    if u64::try_from(column.num_values()).is_ok_and(|values| statistics.null_count_opt() == Some(values)) {
        return Bounds::Null;
    }
    between(column, statistics).map_or(Bounds::Unknown, |(min, max)| Bounds::Between(min, max))
}

fn between(column: &ColumnChunkMetaData, statistics: &Statistics) -> Option<(Literal, Literal)> {
    let is_text = column.column_descr().logical_type_ref() == Some(&LogicalType::String);
    match statistics {
        Statistics::Boolean(values) => {
            Some((Literal::Bool(*values.min_opt()?), Literal::Bool(*values.max_opt()?)))
        }
        Statistics::Int32(values) if is_as_compared(column) => {
            Some((Literal::Int((*values.min_opt()?).into()), Literal::Int((*values.max_opt()?).into())))
        }
        Statistics::Int64(values) if is_as_compared(column) => {
            Some((Literal::Int((*values.min_opt()?).into()), Literal::Int((*values.max_opt()?).into())))
        }
        Statistics::Float(values) => {
            Some((Literal::Float((*values.min_opt()?).into()), Literal::Float((*values.max_opt()?).into())))
        }
        Statistics::Double(values) => {
            Some((Literal::Float(*values.min_opt()?), Literal::Float(*values.max_opt()?)))
        }
        Statistics::ByteArray(values) if is_text => {
            let text =
                |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(|text| Literal::Text(text.to_owned()));
            Some((text(values.min_opt()?.data())?, text(values.max_opt()?.data())?))
        }
        _ => None,
    }
}

/// Whether the integers of such a column are those that a filter compares: signed, and times in microseconds.
fn is_as_compared(column: &ColumnChunkMetaData) -> bool {
    let column = column.column_descr();
    match column.logical_type_ref() {
        None => column.converted_type() == ConvertedType::NONE,
        Some(LogicalType::Date) => true,
        Some(LogicalType::Integer(integer)) => integer.is_signed,
        Some(LogicalType::Timestamp(time) | LogicalType::Time(time)) => time.unit == TimeUnit::MICROS,
        Some(_) => false,
    }
}
