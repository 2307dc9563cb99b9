//! A filter bound to columns: names are resolved, and values have the types of their columns.

use arrow_schema::{DataType, FieldRef, Fields, TimeUnit};
use crv_core::suggest::nearest;

use super::{Comparison, Filter, FilterError, Literal, Node, Test};
use crate::schema::{steps, unpacked};
use crate::validate::dates;

/// A [`Filter`] for columns of certain types.
#[derive(Clone, Debug)]
pub struct BoundFilter(pub(super) Node<BoundComparison>);

/// What is asked of one column, or of a field in its structs.
#[derive(Clone, Debug)]
pub(super) struct BoundComparison {
    /// The name of the column, then that of the field in each struct.
    pub(super) names: Vec<String>,
    pub(super) kind: Kind,
    pub(super) test: Test<Literal>,
}

/// How the values of a column are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Float,
    Decimal,
    Text,
    Bool,
    /// Days, times and instants: as integers of their unit.
    Time,
    /// Only whether a value is null can be asked.
    Opaque,
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match unpacked(data_type) {
            data_type if data_type.is_integer() => Self::Int,
            DataType::Float32 | DataType::Float64 => Self::Float,
            DataType::Decimal128(..) => Self::Decimal,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Self::Text,
            DataType::Boolean => Self::Bool,
            DataType::Date32 | DataType::Time64(TimeUnit::Microsecond) | DataType::Timestamp(..) => {
                Self::Time
            }
            _ => Self::Opaque,
        }
    }
}

impl Filter {
    /// Resolves the columns in `fields`, and converts the values to their types.
    pub fn bind(&self, fields: &Fields) -> Result<BoundFilter, FilterError> {
        self.0.map(&mut |comparison| bound(comparison, fields)).map(BoundFilter)
    }
}

fn bound(comparison: &Comparison, fields: &Fields) -> Result<BoundComparison, FilterError> {
    let Comparison { column, test } = comparison;
    let mut names = Vec::new();
    let Some(field) = find(column, fields, &mut names) else { return Err(unknown(column, fields)) };
    let data_type = field.data_type();
    let value = |value: &Literal| typed(column, value, data_type);
    let test = match test {
        Test::Null => Test::Null,
        Test::Compare(operator, with) => Test::Compare(*operator, value(with)?),
        Test::In(values) => Test::In(values.iter().map(value).collect::<Result<_, _>>()?),
    };
    Ok(BoundComparison { names, kind: Kind::of(data_type), test })
}

/// The column or field of that name. Fills `names` with those on the way to it.
fn find<'a>(name: &str, fields: &'a Fields, names: &mut Vec<String>) -> Option<&'a FieldRef> {
    for (place, rest) in steps(name, fields.iter().map(|field| field.name().as_str())) {
        let field = fields.get(place)?;
        names.push(field.name().clone());
        let found = match (rest.strip_prefix('.'), field.data_type()) {
            _ if rest.is_empty() => Some(field),
            (Some(rest), DataType::Struct(members)) => find(rest, members, names),
            _ => None,
        };
        if found.is_some() {
            return found;
        }
        names.pop();
    }
    None
}

fn unknown(column: &str, fields: &Fields) -> FilterError {
    let known: Vec<String> = fields.iter().map(|field| field.name().clone()).collect();
    let meant = nearest(column, known.iter().map(String::as_str)).map(str::to_owned);
    FilterError::Unknown { column: column.to_owned(), meant, known }
}

/// The value as one of the column's type.
fn typed(column: &str, value: &Literal, data_type: &DataType) -> Result<Literal, FilterError> {
    let refused = |instead: &str| FilterError::Type {
        column: column.to_owned(),
        ty: data_type.to_string(),
        value: value.to_string(),
        instead: instead.to_owned(),
    };
    match (Kind::of(data_type), value) {
        // As the column holds it: 0.1 is found among 32-bit floats. What is beyond them stays so.
        (Kind::Float, Literal::Float(value))
            if *unpacked(data_type) == DataType::Float32 && (*value as f32).is_finite() =>
        {
            Ok(Literal::Float(f64::from(*value as f32)))
        }
        (Kind::Int | Kind::Float | Kind::Decimal, Literal::Int(_) | Literal::Float(_))
        | (Kind::Text, Literal::Text(_))
        | (Kind::Bool, Literal::Bool(_)) => Ok(value.clone()),
        // Every value is null.
        (Kind::Opaque, _) if *data_type == DataType::Null => Ok(value.clone()),
        (Kind::Time, Literal::Text(text)) => instant(text, data_type)
            .ok_or_else(|| refused("write it like \"2026-01-31\" or \"2026-01-31T12:30:00Z\"")),
        (Kind::Int | Kind::Float | Kind::Decimal, Literal::Text(text)) if text.parse::<f64>().is_ok() => {
            Err(refused("write the number without quotes"))
        }
        (Kind::Int | Kind::Float | Kind::Decimal, _) => Err(refused("compare it with a number")),
        (Kind::Text, _) => Err(refused("write the value in quotes")),
        (Kind::Bool, _) => Err(refused("compare it with `true` or `false`")),
        (Kind::Time, _) => Err(refused("write the time in quotes")),
        (Kind::Opaque, _) => Err(refused("only `is null` and `is not null` can be asked of such a column")),
    }
}

/// The text as a number of the type's unit: days, or microseconds. An instant without an offset is in UTC, and a day alone
/// is its first instant.
fn instant(text: &str, data_type: &DataType) -> Option<Literal> {
    const MICROSECONDS_PER_DAY: i128 = 86_400_000_000;
    let text = text.trim();
    let number = match data_type {
        DataType::Date32 => dates::day(text)?.into(),
        DataType::Time64(_) => dates::time_of_day(text)?.into(),
        DataType::Timestamp(_, zone) => {
            let with_offset = zone.as_ref().and_then(|_| dates::instant(text));
            let exact = with_offset.or_else(|| dates::local_time(text)).map(i128::from);
            exact.or_else(|| Some(i128::from(dates::day(text)?) * MICROSECONDS_PER_DAY))?
        }
        _ => return None,
    };
    Some(Literal::Int(number))
}
