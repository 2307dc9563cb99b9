//! Types as users write them: `i64`, `list[f32]`, `timestamp[UTC]`, `decimal[10,2]`.

use crv_core::suggest::nearest;

use super::arrow::decimal_fits;
use super::types::{MAX_DEPTH, Width};
use super::{FieldType, SchemaError};

/// The types without arguments, in the order of the format.
static PLAIN: [(&str, FieldType); 10] = [
    ("bool", FieldType::Bool),
    ("i64", FieldType::INT),
    ("f64", FieldType::Float),
    ("str", FieldType::Str),
    ("binary", FieldType::Binary),
    ("date", FieldType::Date),
    ("time", FieldType::Time),
    ("timestamp", FieldType::Timestamp { zone: None }),
    ("duration", FieldType::Duration),
    ("struct", FieldType::Struct(Vec::new())),
];

/// Words of other systems, and the type that is meant.
static ELSEWHERE: [(&str, &str); 19] = [
    ("int", "i64"),
    ("integer", "i64"),
    ("int64", "i64"),
    ("int32", "i32"),
    ("int16", "i16"),
    ("int8", "i8"),
    ("uint64", "u64"),
    ("uint32", "u32"),
    ("float", "f64"),
    ("double", "f64"),
    ("float64", "f64"),
    ("float32", "f32"),
    ("string", "str"),
    ("text", "str"),
    ("utf8", "str"),
    ("boolean", "bool"),
    ("bytes", "binary"),
    ("datetime", "timestamp"),
    ("dict", "struct"),
];

impl FieldType {
    /// The type of this name. `path` is the column or field, for the error.
    ///
    /// ```
    /// use crv_schema::schema::FieldType;
    ///
    /// assert_eq!(FieldType::parse("list[f64]", "x")?, FieldType::list(FieldType::Float));
    /// assert_eq!(FieldType::parse("timestamp[UTC]", "x")?.to_string(), "timestamp[UTC]");
    /// let error = FieldType::parse("float", "x").unwrap_err();
    /// assert_eq!(error.to_string(), "`x`: unknown type `float`");
    /// assert_eq!(error.hint().unwrap(), "write `f64`");
    /// # Ok::<(), crv_schema::schema::SchemaError>(())
    /// ```
    ///
    /// # Errors
    /// [`SchemaError::UnknownType`], and [`SchemaError::TooDeep`] for lists of lists beyond [`MAX_DEPTH`].
    pub fn parse(text: &str, path: &str) -> Result<Self, SchemaError> {
        parse(text.trim(), path, 1)
    }

    /// Every name that [`parse`](Self::parse) takes, for messages.
    pub fn names() -> String {
        let plain = PLAIN.iter().map(|(name, _)| *name);
        let widths = Width::ALL.iter().map(|width| width.as_str());
        let with_arguments = ["timestamp[zone]", "decimal[precision,scale]", "list[type]"];
        plain.chain(widths).chain(with_arguments).collect::<Vec<_>>().join(", ")
    }
}

fn parse(text: &str, path: &str, depth: usize) -> Result<FieldType, SchemaError> {
    if depth > MAX_DEPTH {
        return Err(SchemaError::TooDeep { path: path.to_owned() });
    }
    if let Some((_, ty)) = PLAIN.iter().find(|(name, _)| *name == text) {
        return Ok(ty.clone());
    }
    if let Some(width) = Width::parse(text) {
        return Ok(FieldType::Number(width));
    }
    let unknown =
        || SchemaError::UnknownType { path: path.to_owned(), name: shortened(text), meant: meant(text) };
    let (word, argument) =
        text.strip_suffix(']').and_then(|text| text.split_once('[')).ok_or_else(unknown)?;
    let argument = argument.trim();
    match word {
        "list" => Ok(FieldType::list(parse(argument, path, depth + 1)?)),
        "timestamp" if !argument.is_empty() => Ok(FieldType::Timestamp { zone: Some(argument.to_owned()) }),
        "decimal" => {
            let digits = argument.split_once(',');
            let digits = digits.and_then(|(p, s)| Some((p.trim().parse().ok()?, s.trim().parse().ok()?)));
            match digits {
                Some((precision, scale)) if decimal_fits(precision, scale) => {
                    Ok(FieldType::Decimal { precision, scale })
                }
                _ => Err(unknown()),
            }
        }
        _ => Err(unknown()),
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

/// The name that was probably meant.
fn meant(text: &str) -> Option<String> {
    let word = text.to_ascii_lowercase();
    if let Some((_, name)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == word) {
        return Some((*name).to_owned());
    }
    let names = PLAIN.iter().map(|(name, _)| *name).chain(Width::ALL.iter().map(|width| width.as_str()));
    nearest(text, names).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_without_members_is_its_own_name() {
        for name in [
            "bool",
            "i64",
            "f64",
            "str",
            "binary",
            "date",
            "time",
            "timestamp",
            "duration",
            "struct",
            "i8",
            "i16",
            "i32",
            "u8",
            "u16",
            "u32",
            "u64",
            "f32",
            "list[u8]",
            "list[list[struct]]",
            "timestamp[Europe/Berlin]",
            "decimal[38,9]",
        ] {
            assert_eq!(FieldType::parse(name, "c").unwrap().to_string(), name);
        }
        assert_eq!(
            FieldType::parse(" list[ decimal[ 4 , 2 ] ] ", "c").unwrap().to_string(),
            "list[decimal[4,2]]"
        );
    }

    #[test]
    fn other_words_are_refused_with_what_to_write() {
        for (name, hint) in [
            ("Float64", "write `f64`"),
            ("string", "write `str`"),
            ("tmestamp", "write `timestamp`"),
            ("quux", "the types are bool, i64, f64, str,"),
            ("list", "the types are"),
            ("list[]", "the types are"),
            ("list[i64", "the types are"),
            ("timestamp[]", "write `timestamp`"),
            ("decimal[39,2]", "the types are"),
            ("decimal[4]", "the types are"),
            ("null", "the types are"),
            ("", "the types are"),
        ] {
            let error = FieldType::parse(name, "c").unwrap_err();
            let told = error.hint().unwrap();
            assert!(told.starts_with(hint), "{name}: {told}");
        }
        let deep = format!("{}i64{}", "list[".repeat(60), "]".repeat(60));
        assert!(matches!(FieldType::parse(&deep, "c"), Err(SchemaError::TooDeep { .. })));
    }
}
