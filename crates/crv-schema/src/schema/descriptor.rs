//! [`Descriptor`]: the columns that a table is defined to have.
//!
//! A canonical table is defined by `crv_core`, a declared one by its run. Code takes a descriptor, and does not ask
//! which of the two it is. A table's schema begins as its descriptor's, and grows with what is written.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow_schema::Schema;
use crv_core::grammar::TableName;
use crv_core::tables::{TableDescriptor, TableId, get_table};

use super::arrow::declared_type;
use super::growth::{fit_members, fix_members, grown};
use super::path::FieldPath;
use super::types::{EMPTY_FIELD, MAX_DEPTH};
use super::union::field_name;
use super::{DeclarationError, Field, FieldType, SchemaError, TableSchema};

/// The column that is computed from `tick`.
const BUCKET: &str = "bucket";
/// The column that every table has.
const TICK: &str = "tick";
/// The longest name of a declared column, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// Names that begin so are reserved.
const RESERVED: &str = "_crv";

/// A table and the columns that it is defined to have.
///
/// Invariant: `bucket` and `tick` come first, both required `i64`; names are distinct, also where case is ignored.
///
/// ```
/// use crv_schema::schema::{Descriptor, Field, FieldType};
///
/// let agents = Descriptor::declared(
///     "agents".parse()?,
///     vec![Field::required("agent_id", FieldType::INT), Field::nullable("wealth", FieldType::Float)],
/// )?;
/// let names: Vec<&str> = agents.columns().iter().map(|column| column.name.as_str()).collect();
/// assert_eq!(names, ["bucket", "tick", "agent_id", "wealth"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    id: TableId,
    schema: Arc<TableSchema>,
}

impl Descriptor {
    /// The descriptor of a canonical table.
    pub fn canonical(table: TableName) -> Self {
        static ALL: LazyLock<HashMap<TableName, Descriptor>> = LazyLock::new(|| {
            TableName::ALL.iter().map(|table| (*table, Descriptor::from(get_table(*table)))).collect()
        });
        ALL.get(&table).cloned().unwrap_or_else(|| Self::from(get_table(table)))
    }

    /// The descriptor of a table: the canonical one, or what the run declares. Of a table that is neither, only `bucket`
    /// and `tick` are known.
    pub fn of(id: TableId, declared: Option<&Self>) -> Self {
        match (id.canonical(), declared) {
            (Some(table), _) => Self::canonical(table),
            (None, Some(declared)) => declared.clone(),
            (None, None) => Self::bare(id),
        }
    }

    /// The descriptor of a table that a run declares, with these columns after `bucket` and `tick`. `tick` may be among
    /// them.
    ///
    /// # Errors
    /// [`DeclarationError`] names the column that a table cannot have.
    pub fn declared(id: TableId, columns: Vec<Field>) -> Result<Self, DeclarationError> {
        if let Some(table) = id.canonical() {
            return Err(DeclarationError::Canonical { table });
        }
        if columns.is_empty() {
            return Err(DeclarationError::NoColumns);
        }
        let mut fields = bare();
        let mut names: HashMap<String, String> = HashMap::with_capacity(columns.len());
        for mut column in columns {
            check_name(&column.name)?;
            if let Some(other) = names.insert(column.name.to_lowercase(), column.name.clone()) {
                return Err(if other == column.name {
                    DeclarationError::Schema(SchemaError::Duplicate { path: other })
                } else {
                    DeclarationError::Case { one: other, other: column.name }
                });
            }
            settle(&mut column.ty, &FieldPath::column(&column.name))?;
            if column.name == TICK {
                if column.ty != FieldType::INT {
                    return Err(DeclarationError::Tick { found: column.ty });
                }
                continue;
            }
            fields.push(column);
        }
        Ok(Self { id, schema: Arc::new(TableSchema { fields }) })
    }

    /// The descriptor of a table that a run declares with the columns of an Arrow schema; those in `required` are never
    /// null, the others may be. A column `bucket` is left out: it is computed.
    ///
    /// # Errors
    /// As [`declared`](Self::declared), and for a name in `required` that is no column.
    pub fn from_arrow<N: AsRef<str>>(
        id: TableId,
        schema: &Schema,
        required: &[N],
    ) -> Result<Self, DeclarationError> {
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields().iter().filter(|field| field.name() != BUCKET) {
            let ty = declared_type(field.data_type(), &FieldPath::column(field.name()))?;
            columns.push(Field::nullable(field.name(), ty));
        }
        Self::requiring(id, columns, required)
    }

    /// This declaration with those columns of an Arrow schema that it lacks, as nullable ones.
    ///
    /// # Errors
    /// As [`declared`](Self::declared).
    pub fn with_missing(&self, schema: &Schema) -> Result<Self, DeclarationError> {
        let mut columns: Vec<Field> = self.columns().iter().skip(1).cloned().collect();
        for field in schema.fields().iter().filter(|field| self.column(field.name()).is_none()) {
            let ty = declared_type(field.data_type(), &FieldPath::column(field.name()))?;
            columns.push(Field::nullable(field.name(), ty));
        }
        Self::declared(self.id, columns)
    }

    /// As [`declared`](Self::declared), where the columns in `required` are never null and the others may be.
    ///
    /// # Errors
    /// As [`declared`](Self::declared), and for a name in `required` that is no column.
    pub fn requiring<N: AsRef<str>>(
        id: TableId,
        mut columns: Vec<Field>,
        required: &[N],
    ) -> Result<Self, DeclarationError> {
        for name in required.iter().map(AsRef::as_ref).filter(|name| *name != TICK) {
            match columns.iter_mut().find(|column| column.name == name) {
                Some(column) => column.required = true,
                None => return Err(DeclarationError::NotThere { column: name.to_owned() }),
            }
        }
        Self::declared(id, columns)
    }

    /// The descriptor that a document of the log or the footer of a part holds.
    ///
    /// # Errors
    /// As [`declared`](Self::declared), and if `bucket` and `tick` are not the first columns.
    pub fn from_document(id: TableId, document: TableSchema) -> Result<Self, DeclarationError> {
        if let Some(table) = id.canonical() {
            return Err(DeclarationError::Canonical { table });
        }
        let mut fields = document.fields;
        if fields.get(..2) != Some(bare().as_slice()) {
            return Err(DeclarationError::NoKey);
        }
        let columns = fields.split_off(2);
        if columns.is_empty() {
            return Ok(Self::bare(id));
        }
        Self::declared(id, columns)
    }

    /// The descriptor of a table of which nothing is known but that it has `bucket` and `tick`.
    pub fn bare(id: TableId) -> Self {
        Self { id, schema: Arc::new(TableSchema { fields: bare() }) }
    }

    /// The table.
    pub fn id(&self) -> TableId {
        self.id
    }

    /// The columns, in table order.
    pub fn columns(&self) -> &[Field] {
        &self.schema.fields
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Field> {
        self.schema.field(name)
    }

    /// The schema of the empty table.
    pub fn schema(&self) -> &Arc<TableSchema> {
        &self.schema
    }

    /// This declaration with what `wanted` adds to it; `None` if that is nothing. Columns and fields are added at the
    /// end, and may be null.
    ///
    /// # Errors
    /// [`DeclarationError`] for a required column that is new, a column that `wanted` lacks, and a type or a mark that
    /// differs.
    pub fn grown(&self, wanted: &Descriptor) -> Result<Option<Self>, DeclarationError> {
        let missing = self.columns().iter().find(|column| wanted.column(&column.name).is_none());
        if let Some(column) = missing {
            return Err(DeclarationError::Missing { column: column.name.clone(), ty: column.ty.clone() });
        }
        let fields = grown(self.columns(), wanted.columns(), None)?;
        if fields == self.columns() {
            return Ok(None);
        }
        // Again: a new name may differ from a known one by case only.
        Self::from_document(self.id, TableSchema { fields }).map(Some)
    }

    /// Returns an error if rows were written with another type of a column than this declaration gives it: a table may
    /// have columns that it does not declare.
    ///
    /// # Errors
    /// [`DeclarationError::Type`] names the column or field.
    pub fn check_fits(&self, written: &TableSchema) -> Result<(), DeclarationError> {
        fit_members(self.columns(), &written.fields, None)
    }

    /// Returns the schema of a part of this table with the types that the descriptor fixes. `arrow` has the part's types
    /// with their widths; `found` is derived from it. An integer that the descriptor names is never wide, whatever its
    /// values are.
    #[must_use]
    pub fn fix_types(&self, mut found: TableSchema, arrow: &Schema) -> TableSchema {
        fix_members(self.columns(), &mut found.fields, arrow.fields());
        found
    }
}

impl From<&TableDescriptor> for Descriptor {
    fn from(table: &TableDescriptor) -> Self {
        Self { id: table.name().into(), schema: Arc::new(TableSchema::of(table)) }
    }
}

/// The columns of every table.
fn bare() -> Vec<Field> {
    [BUCKET, TICK].map(|name| Field::required(name, FieldType::INT)).into()
}

fn check_name(name: &str) -> Result<(), DeclarationError> {
    let reason = if name.is_empty() {
        "it is empty".to_owned()
    } else if name == BUCKET {
        return Err(DeclarationError::Bucket);
    } else if name.starts_with(RESERVED) {
        format!("names that begin with `{RESERVED}` are reserved")
    } else if name.len() > MAX_NAME_BYTES {
        format!("it has {} bytes, at most {MAX_NAME_BYTES} are allowed", name.len())
    } else if let Some(control) = name.chars().find(|letter| letter.is_control()) {
        format!("it contains {control:?}")
    } else {
        return Ok(());
    };
    Err(DeclarationError::Name { name: name.chars().take(80).collect(), reason })
}

/// Checks a declared type, and clears what only values can tell.
fn settle(ty: &mut FieldType, path: &FieldPath<'_>) -> Result<(), DeclarationError> {
    if path.depth() > MAX_DEPTH {
        return Err(SchemaError::TooDeep { path: path.to_string() }.into());
    }
    match ty {
        FieldType::Null => Err(DeclarationError::NoType { path: path.to_string() }),
        FieldType::Int { wide } => {
            *wide = false;
            Ok(())
        }
        FieldType::List(item) => settle(item, &path.item()),
        FieldType::Struct(members) => {
            let names = members.iter().map(field_name);
            if let Some(name) = super::first_duplicate(names) {
                return Err(SchemaError::Duplicate { path: path.field(name).to_string() }.into());
            }
            members.iter_mut().try_for_each(|member| {
                let path = path.field(&member.name);
                if member.name == EMPTY_FIELD {
                    return Err(SchemaError::Reserved { path: path.to_string() }.into());
                }
                member.required = false;
                settle(&mut member.ty, &path)
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::schemas::declared_fields;

    fn id() -> TableId {
        "agents".parse().unwrap()
    }

    fn declared(columns: &[(&str, &str)]) -> Result<Descriptor, DeclarationError> {
        let field = |(name, ty): &(&str, &str)| {
            let (ty, required) = ty.strip_suffix('!').map_or((*ty, false), |ty| (ty, true));
            Field { name: (*name).to_owned(), ty: FieldType::parse(ty, name).unwrap(), required }
        };
        Descriptor::declared(id(), columns.iter().map(field).collect())
    }

    fn refusal(columns: &[(&str, &str)]) -> String {
        declared(columns).unwrap_err().to_string()
    }

    #[test]
    fn what_no_table_can_have_is_refused_by_name() {
        assert_eq!(refusal(&[]), "a table needs at least one column");
        assert_eq!(refusal(&[("bucket", "i64")]), "`bucket` cannot be declared: it is computed from `tick`");
        assert_eq!(refusal(&[("tick", "f64")]), "`tick` must be i64, not f64");
        assert_eq!(refusal(&[("x", "i64"), ("x", "i64")]), "`x` occurs twice");
        assert_eq!(
            refusal(&[("Gini", "f64"), ("gini", "f64")]),
            "columns `Gini` and `gini` differ only by case"
        );
        assert_eq!(refusal(&[("", "f64")]), "invalid column name ``: it is empty");
        assert_eq!(
            refusal(&[("_crv_x", "f64")]),
            "invalid column name `_crv_x`: names that begin with `_crv` are reserved"
        );
        assert!(refusal(&[("a\nb", "f64")]).contains("it contains '\\n'"));
        assert!(refusal(&[(&"x".repeat(256), "f64")]).contains("it has 256 bytes, at most 255 are allowed"));
        let error = Descriptor::declared(TableId::HOLDINGS, vec![Field::nullable("x", FieldType::Float)]);
        assert_eq!(
            error.unwrap_err().to_string(),
            "`holdings` is a canonical table, whose columns are fixed"
        );
        let untyped = vec![Field::nullable("x", FieldType::list(FieldType::Null))];
        assert_eq!(Descriptor::declared(id(), untyped).unwrap_err().to_string(), "`x[]` has no type");
    }

    #[test]
    fn tick_may_be_declared_and_is_enough() {
        assert_eq!(declared(&[("tick", "i64")]).unwrap(), Descriptor::bare(id()));
        let given = declared(&[("x", "f64"), ("tick", "i64")]).unwrap();
        assert_eq!(given, declared(&[("x", "f64")]).unwrap());
        assert!(given.column("tick").unwrap().required);
    }

    #[test]
    fn nullable_columns_and_fields_are_growth_and_nothing_else_is() {
        let known = declared(&[("id", "i64!"), ("x", "f32"), ("state", "struct")]).unwrap();
        assert_eq!(known.grown(&known).unwrap(), None);
        let reordered = declared(&[("state", "struct"), ("id", "i64!"), ("x", "f32")]).unwrap();
        assert_eq!(known.grown(&reordered).unwrap(), None);
        let wanted = declared(&[("y", "str"), ("id", "i64!"), ("x", "f32"), ("state", "struct")]).unwrap();
        let expected = declared(&[("id", "i64!"), ("x", "f32"), ("state", "struct"), ("y", "str")]).unwrap();
        assert_eq!(known.grown(&wanted).unwrap(), Some(expected));
        for (wanted, told) in [
            (vec![("id", "i64!"), ("x", "f64"), ("state", "struct")], "`x` is f32, and is declared f64 now"),
            (
                vec![("id", "i64"), ("x", "f32"), ("state", "struct")],
                "`id` is required, and is declared nullable now",
            ),
            (
                vec![("id", "i64!"), ("x", "f32!"), ("state", "struct")],
                "`x` is nullable, and is declared required now",
            ),
            (
                vec![("id", "i64!"), ("state", "struct")],
                "the declaration lacks column `x` (f32), which the table has",
            ),
            (
                vec![("id", "i64!"), ("x", "f32"), ("state", "struct"), ("z", "i8!")],
                "new column `z` is required, and rows without it may be there",
            ),
        ] {
            assert_eq!(known.grown(&declared(&wanted).unwrap()).unwrap_err().to_string(), told);
        }
    }

    proptest! {
        #[test]
        fn a_declaration_survives_its_document(fields in declared_fields()) {
            let descriptor = Descriptor::declared(id(), fields).unwrap();
            let text = serde_json::to_string(&**descriptor.schema()).unwrap();
            let document = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Descriptor::from_document(id(), document).unwrap(), descriptor);
        }

        /// What is declared from an Arrow schema has that schema, and a part with it has the declared types.
        #[test]
        fn a_part_has_the_declared_types(fields in declared_fields()) {
            let descriptor = Descriptor::declared(id(), fields).unwrap();
            let arrow = descriptor.schema().to_arrow();
            let found = TableSchema::from_parquet_arrow(&arrow).unwrap();
            prop_assert_eq!(&descriptor.fix_types(found, &arrow), &**descriptor.schema());
            let required: Vec<&str> = descriptor.columns()[2..]
                .iter().filter(|column| column.required).map(|column| column.name.as_str()).collect();
            let again = Descriptor::from_arrow(id(), &arrow, &required).unwrap();
            prop_assert_eq!(again, descriptor);
        }

        #[test]
        fn growth_takes_from_both_and_is_reached_once(a in declared_fields(), b in declared_fields()) {
            let known = Descriptor::declared(id(), a.clone()).unwrap();
            let wanted = Descriptor::declared(id(), a.into_iter().chain(b).collect());
            if let Ok(wanted) = wanted && let Ok(Some(grown)) = known.grown(&wanted) {
                prop_assert_eq!(grown.grown(&wanted).unwrap(), None);
                prop_assert!(grown.schema().covers(known.schema()));
            }
        }
    }
}
