//! The rules on values, checked on whole columns: canonical spelling of kinds and visibilities, required slots of edge
//! kinds, flags of 0 or 1.

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef};
use arrow_schema::DataType;
use crv_core::grammar::{ExchangeKind, RepresentationEdgeKind, TableName, Visibility};
use crv_core::schema::{EDGE_SLOTS, Side, edge_rule, flag_from_integer, is_filled, needed_slots};

use super::ValidationError;
use super::convert::{Casts, convert};
use super::leaf::display;
use super::prepared::Prepared;
use super::strings::Strings;
use crate::schema::{Descriptor, FieldPath};

/// Checks the rules of the table; the first violated rule is the error.
pub(super) fn check(descriptor: &Descriptor, prepared: &Prepared) -> Result<(), ValidationError> {
    // The rules of a declared table are those of its columns.
    let Some(table) = descriptor.id().canonical() else { return Ok(()) };
    match table {
        TableName::IdentityEdges => {
            one_of(prepared, "edge_kind", RepresentationEdgeKind::VALUES)?;
            slots_of_kind(prepared)
        }
        TableName::Exchange => {
            one_of(prepared, "exchange_event_type", ExchangeKind::VALUES)?;
            one_of(prepared, "side", Side::VALUES)
        }
        TableName::ScenariosSeen | TableName::Messages => {
            one_of(prepared, "visibility_scope", Visibility::VALUES)
        }
        TableName::OracleCalls => zero_or_one(prepared, "cache_hit"),
        TableName::Decisions | TableName::Holdings | TableName::HoldingsValuation => Ok(()),
    }
}

/// The number of rows that violate a rule, and the first of them.
#[derive(Default)]
struct Broken {
    count: usize,
    first: Option<(usize, Vec<(String, String)>)>,
}

impl Broken {
    fn add(&mut self, row: usize, values: impl FnOnce() -> Vec<(String, String)>) {
        self.count += 1;
        if self.first.is_none() {
            self.first = Some((row, values()));
        }
    }

    fn into_result(self, rule: impl FnOnce() -> String) -> Result<(), ValidationError> {
        match self.first {
            None => Ok(()),
            Some((row, values)) => {
                Err(ValidationError::Rule { rule: rule(), count: self.count, row, values })
            }
        }
    }
}

fn one_of(prepared: &Prepared, column: &str, allowed: &[&str]) -> Result<(), ValidationError> {
    let Some((arrays, _)) = prepared.given(column) else { return Ok(()) };
    let path = FieldPath::column(column);
    let mut broken = Broken::default();
    let mut base = 0;
    for array in arrays {
        let texts = Strings::of(array, &path)?;
        for row in 0..array.len() {
            // Nulls are checked by the schema.
            if let Some(text) = texts.get(row)
                && !allowed.contains(&text)
            {
                broken.add(base + row, || vec![(column.to_owned(), shown(Some(text)))]);
            }
        }
        base += array.len();
    }
    broken.into_result(|| format!("`{column}` must be one of {}", allowed.join(", ")))
}

fn zero_or_one(prepared: &Prepared, column: &str) -> Result<(), ValidationError> {
    let Some((arrays, _)) = prepared.given(column) else { return Ok(()) };
    let path = FieldPath::column(column);
    let mut broken = Broken::default();
    let mut base = 0;
    for array in arrays {
        let integers = convert(array, &DataType::Int64, Casts::Lossless, &path)?;
        let flags = integers.as_primitive::<Int64Type>();
        for row in 0..flags.len() {
            if flags.is_valid(row) && flag_from_integer(column, flags.value(row)).is_err() {
                broken.add(base + row, || vec![(column.to_owned(), display(&integers, row))]);
            }
        }
        base += flags.len();
    }
    broken.into_result(|| format!("`{column}` must be 0 or 1"))
}

/// Each kind of edge requires its slots to be present and not empty.
fn slots_of_kind(prepared: &Prepared) -> Result<(), ValidationError> {
    let Some((kinds, _)) = prepared.given("edge_kind") else { return Ok(()) };
    let slots = EDGE_SLOTS.map(|name| prepared.given(name).map(|(arrays, _)| arrays));
    let needs: Vec<(RepresentationEdgeKind, [bool; 4])> =
        RepresentationEdgeKind::ALL.iter().map(|kind| (*kind, needed_slots(*kind))).collect();
    let mut broken = Broken::default();
    let mut rule = String::new();
    let mut base = 0;
    for (batch, kinds) in kinds.iter().enumerate() {
        let texts = Strings::of(kinds, &FieldPath::column("edge_kind"))?;
        let slots = texts_of(slots, batch)?;
        let mut last = 0;
        for row in 0..kinds.len() {
            let Some(kind) = texts.get(row) else { continue };
            // Consecutive edges often have the same kind.
            if needs[last].0.as_str() != kind {
                let Some(found) = needs.iter().position(|(known, _)| known.as_str() == kind) else {
                    continue;
                };
                last = found;
            }
            let (known, required) = needs[last];
            let filled = |slot: usize| is_filled(slots[slot].as_ref().and_then(|texts| texts.get(row)));
            if (0..EDGE_SLOTS.len()).any(|slot| required[slot] && !filled(slot)) {
                broken.add(base + row, || {
                    rule = edge_rule(known);
                    let mut values = vec![("edge_kind".to_owned(), shown(Some(kind)))];
                    for slot in (0..EDGE_SLOTS.len()).filter(|slot| required[*slot]) {
                        let text = slots[slot].as_ref().and_then(|texts| texts.get(row));
                        values.push((EDGE_SLOTS[slot].to_owned(), shown(text)));
                    }
                    values
                });
            }
        }
        base += kinds.len();
    }
    broken.into_result(|| rule)
}

fn texts_of(slots: [Option<&[ArrayRef]>; 4], batch: usize) -> Result<Vec<Option<Strings>>, ValidationError> {
    let text = |(name, arrays): (&str, Option<&[ArrayRef]>)| {
        arrays.map(|arrays| Strings::of(&arrays[batch], &FieldPath::column(name))).transpose()
    };
    EDGE_SLOTS.into_iter().zip(slots).map(text).collect()
}

fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "null".to_owned(), |text| format!("{text:?}"))
}
