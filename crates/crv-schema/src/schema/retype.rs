//! A frame's schema in the types of its table.

use super::finder::Finder;
use super::union::field_name;
use super::{Field, FieldType, TableSchema};

impl TableSchema {
    /// Returns this schema with the types of `table`, which covers it: integers become floats if the table's field is a
    /// float, and untyped fields get the table's type. Fields that this schema lacks are not added.
    #[must_use]
    pub fn in_terms_of(&self, table: &TableSchema) -> TableSchema {
        TableSchema { fields: fields_in_terms_of(&self.fields, &table.fields) }
    }
}

fn fields_in_terms_of(fields: &[Field], table: &[Field]) -> Vec<Field> {
    let mut finder = Finder::new(table, field_name);
    let retyped = |field: &Field| match finder.find(&field.name) {
        Some(index) => Field { ty: type_in_terms_of(&field.ty, &table[index].ty), ..field.clone() },
        None => field.clone(),
    };
    fields.iter().map(retyped).collect()
}

fn type_in_terms_of(ty: &FieldType, table: &FieldType) -> FieldType {
    match (ty, table) {
        (FieldType::Null, _) => table.clone(),
        (FieldType::Int { .. }, FieldType::Float) => FieldType::Float,
        (FieldType::List(item), FieldType::List(table)) => FieldType::list(type_in_terms_of(item, table)),
        (FieldType::Struct(fields), FieldType::Struct(table)) => {
            FieldType::Struct(fields_in_terms_of(fields, table))
        }
        _ => ty.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: Vec<Field>) -> TableSchema {
        TableSchema { fields: vec![Field::nullable("payload", FieldType::Struct(fields))] }
    }

    #[test]
    fn types_are_the_tables_and_fields_are_not() {
        let table = schema(vec![
            Field::nullable("price", FieldType::Float),
            Field::nullable("note", FieldType::Str),
            Field::nullable("legs", FieldType::list(FieldType::Struct(vec![]))),
        ]);
        let frame = schema(vec![
            Field::nullable("legs", FieldType::list(FieldType::Null)),
            Field::nullable("price", FieldType::INT),
        ]);
        let expected = schema(vec![
            Field::nullable("legs", FieldType::list(FieldType::Struct(vec![]))),
            Field::nullable("price", FieldType::Float),
        ]);
        assert_eq!(frame.in_terms_of(&table), expected);
        assert_eq!(table.in_terms_of(&table), table);
    }

    proptest::proptest! {
        /// A schema in terms of a union is covered by it, and loses no field.
        #[test]
        fn a_schema_in_terms_of_a_union_is_covered_by_it(
            left in crate::testing::schemas::table_schema(),
            right in crate::testing::schemas::table_schema(),
        ) {
            if let Ok(union) = left.union(&right) {
                let retyped = right.in_terms_of(&union);
                proptest::prop_assert!(union.covers(&retyped));
                proptest::prop_assert!(retyped.covers(&right));
                proptest::prop_assert_eq!(retyped.fields.len(), right.fields.len());
            }
        }
    }
}
