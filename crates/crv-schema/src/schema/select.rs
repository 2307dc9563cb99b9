//! [`TableSchema::select`]: columns, and fields within them, by name.

use super::{Field, FieldType, TableSchema};

/// The items whose names `name` begins with, and what follows in `name`: nothing, `.field` or `[]`. An item of the whole
/// name comes first, since a name may have dots itself.
pub fn steps(name: &str, items: impl Iterator<Item = impl AsRef<str>>) -> Vec<(usize, &str)> {
    let rest = |item: &str| {
        let rest = name.strip_prefix(item)?;
        (rest.is_empty() || rest.starts_with('.') || rest.starts_with("[]")).then_some(rest)
    };
    let found = items.enumerate().filter_map(|(place, item)| Some((place, rest(item.as_ref())?)));
    let mut found: Vec<(usize, &str)> = found.collect();
    found.sort_by_key(|(_, rest)| rest.len());
    found
}

impl TableSchema {
    /// The columns of these names, in this order. A name may be that of a field, as error messages write it
    /// (`additional_payload.legs[].price`): then the column has this field only, and the others that are named. An error
    /// is the first name that is neither.
    pub fn select<'n>(&self, names: &[&'n str]) -> Result<TableSchema, &'n str> {
        let mut selected = TableSchema::default();
        for name in names {
            let field = narrowed(name, &self.fields).ok_or(*name)?;
            add(&mut selected.fields, field);
        }
        Ok(selected)
    }

    /// The columns and fields of both, which are selected from one schema.
    #[must_use]
    pub fn joined(mut self, other: TableSchema) -> TableSchema {
        other.fields.into_iter().for_each(|field| add(&mut self.fields, field));
        self
    }
}

/// The field that `name` begins with, with no other fields than `name` says.
fn narrowed(name: &str, fields: &[Field]) -> Option<Field> {
    let found = steps(name, fields.iter().map(|field| &field.name)).into_iter();
    let mut found = found.filter_map(|(place, rest)| {
        let field = fields.get(place)?;
        Some(Field { ty: narrowed_type(rest, &field.ty)?, ..field.clone() })
    });
    found.next()
}

fn narrowed_type(rest: &str, ty: &FieldType) -> Option<FieldType> {
    if rest.is_empty() {
        return Some(ty.clone());
    }
    match ty {
        FieldType::List(item) => narrowed_type(rest.strip_prefix("[]")?, item).map(FieldType::list),
        FieldType::Struct(members) => {
            narrowed(rest.strip_prefix('.')?, members).map(|member| FieldType::Struct(vec![member]))
        }
        _ => None,
    }
}

/// Adds a field, or its fields if there is one of that name.
fn add(fields: &mut Vec<Field>, field: Field) {
    match fields.iter_mut().find(|known| known.name == field.name) {
        Some(known) => join(&mut known.ty, field.ty),
        None => fields.push(field),
    }
}

/// Adds the fields of `other`, a part of the same type.
fn join(ty: &mut FieldType, other: FieldType) {
    match (ty, other) {
        (FieldType::List(item), FieldType::List(other)) => join(item, *other),
        (FieldType::Struct(members), FieldType::Struct(others)) => {
            for other in others {
                add(members, other);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> TableSchema {
        let leg = FieldType::Struct(vec![
            Field::nullable("price", FieldType::Float),
            Field::nullable("side", FieldType::Str),
        ]);
        let payload = FieldType::Struct(vec![
            Field::nullable("legs", FieldType::list(leg)),
            Field::nullable("a", FieldType::Struct(vec![Field::nullable("b", FieldType::Bool)])),
            Field::nullable("a.b", FieldType::INT),
            Field::nullable("note", FieldType::Str),
        ]);
        TableSchema {
            fields: vec![Field::required("tick", FieldType::INT), Field::nullable("payload", payload)],
        }
    }

    fn shown(names: &[&str]) -> Result<String, String> {
        let selected = table().select(names).map_err(str::to_owned)?;
        Ok(fields(&selected.fields))
    }

    fn fields(all: &[Field]) -> String {
        let shown = all.iter().map(|field| format!("{}: {}", field.name, of_type(&field.ty)));
        shown.collect::<Vec<_>>().join(", ")
    }

    fn of_type(ty: &FieldType) -> String {
        match ty {
            FieldType::Struct(members) => format!("{{{}}}", fields(members)),
            FieldType::List(item) => format!("[{}]", of_type(item)),
            other => other.to_string(),
        }
    }

    #[test]
    fn fields_are_selected_by_their_paths() {
        assert_eq!(shown(&["payload.note", "tick"]).unwrap(), "payload: {note: str}, tick: i64");
        assert_eq!(
            shown(&["payload.legs[].side", "payload.note", "payload.legs[].price"]).unwrap(),
            "payload: {legs: [{side: str, price: f64}], note: str}"
        );
        // The whole column, whether named before or after one of its fields.
        let whole = shown(&["payload"]).unwrap();
        assert_eq!(shown(&["payload", "payload.note"]).unwrap(), whole);
        let (one, other) = (shown(&["payload.note", "payload"]).unwrap(), whole);
        assert_eq!((one.len(), one.matches(':').count()), (other.len(), other.matches(':').count()));
    }

    #[test]
    fn a_name_with_dots_is_found_before_a_path() {
        assert_eq!(shown(&["payload.a.b"]).unwrap(), "payload: {a.b: i64}");
        assert_eq!(shown(&["payload.a"]).unwrap(), "payload: {a: {b: bool}}");
    }

    #[test]
    fn what_is_not_there_is_named() {
        for name in
            ["", "payloads", "payload.", "payload.legs.price", "payload.legs[]x", "tick.b", "payload.note[]"]
        {
            assert_eq!(shown(&["tick", name]), Err(name.to_owned()));
        }
    }
}
