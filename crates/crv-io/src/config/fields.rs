//! The fields of the settings and their rules: one table for all sources.

use std::collections::BTreeMap;

use super::error::{Reason, Refusal};
use super::kinds::{Compression, CostMethod, FsProtocol, Partitioning, PriceSource, VerifyReads};
use super::settings::Inner;
use super::valuation::{VALUATION_KEY, ValuationSettings};
use super::value::SettingValue;
use crv_core::suggest::nearest;

/// One field of `S`: its name and the rule that parses its value.
pub(super) struct Field<S> {
    pub(super) key: &'static str,
    set: fn(&mut S, &SettingValue) -> Result<(), Refusal>,
}

/// The fields of [`IoSettings`](super::IoSettings), in the order of the documentation.
pub(super) const IO_FIELDS: &[Field<Inner>] = &[
    Field { key: "root_dir", set: |to, value| store(&mut to.root_dir, root_dir(value)) },
    Field {
        key: "partitioning",
        set: |to, value| {
            store(&mut to.partitioning, word(value, Partitioning::WORDS, Partitioning::from_word))
        },
    },
    Field { key: "tick_bucket_size", set: |to, value| store(&mut to.tick_bucket_size, at_least_one(value)) },
    Field {
        key: "row_group_size",
        set: |to, value| store(&mut to.row_group_size, at_least_one(value).map(|size| size as usize)),
    },
    Field {
        key: "compression",
        set: |to, value| store(&mut to.compression, word(value, Compression::WORDS, Compression::from_word)),
    },
    Field { key: "fs_protocol", set: |to, value| store(&mut to.fs_protocol, fs_protocol(value)) },
    Field { key: "fs_options", set: |to, value| store(&mut to.fs_options, fs_options(value)) },
    Field { key: "strict_schema", set: |to, value| store(&mut to.strict_schema, boolean(value)) },
    Field {
        key: "write_manifest_every_n",
        set: |to, value| store(&mut to.write_manifest_every_n, every_n(value)),
    },
    Field {
        key: "compact_sealed_buckets",
        set: |to, value| store(&mut to.compact_sealed_buckets, boolean_or_auto(value)),
    },
    Field {
        key: "verify_reads",
        set: |to, value| store(&mut to.verify_reads, word(value, VerifyReads::WORDS, VerifyReads::from_word)),
    },
    Field {
        key: VALUATION_KEY,
        set: |to, value| match value {
            SettingValue::Table(entries) => assign_all(&mut to.valuation, VALUATION_FIELDS, entries),
            other => Err(refuse(other, "a table of valuation settings")),
        },
    },
];

/// The fields of [`ValuationSettings`].
pub(super) const VALUATION_FIELDS: &[Field<ValuationSettings>] = &[
    Field { key: "enabled", set: |to, value| store(&mut to.enabled, boolean(value)) },
    Field {
        key: "cost_method",
        set: |to, value| store(&mut to.cost_method, word(value, CostMethod::WORDS, CostMethod::from_word)),
    },
    Field {
        key: "price_source",
        set: |to, value| store(&mut to.price_source, word(value, PriceSource::WORDS, PriceSource::from_word)),
    },
    Field {
        key: "vwap_window_ticks",
        set: |to, value| store(&mut to.vwap_window_ticks, at_least_one(value)),
    },
    Field { key: "currency", set: |to, value| store(&mut to.currency, non_empty(value)) },
];

/// Sets one field by name; an unknown name is refused with the nearest known one.
pub(super) fn assign<S>(
    to: &mut S,
    fields: &[Field<S>],
    key: &str,
    value: &SettingValue,
) -> Result<(), Refusal> {
    let Some(field) = fields.iter().find(|field| field.key == key) else {
        let hint = match nearest(key, fields.iter().map(|field| field.key)) {
            Some(known) => format!("did you mean `{known}`?"),
            None => {
                format!("the settings are {}", fields.iter().map(|f| f.key).collect::<Vec<_>>().join(", "))
            }
        };
        return Err(Refusal { key: key.to_owned(), reason: Reason::Unknown, hint: Some(hint) });
    };
    (field.set)(to, value).map_err(|refusal| refusal.inside(key))
}

pub(super) fn assign_all<S>(
    to: &mut S,
    fields: &[Field<S>],
    entries: &[(String, SettingValue)],
) -> Result<(), Refusal> {
    entries.iter().try_for_each(|(key, value)| assign(to, fields, key, value))
}

fn store<T>(to: &mut T, value: Result<T, Refusal>) -> Result<(), Refusal> {
    *to = value?;
    Ok(())
}

fn refuse(value: &SettingValue, allowed: impl Into<String>) -> Refusal {
    let reason = Reason::Value { found: value.to_string(), allowed: allowed.into() };
    Refusal { key: String::new(), reason, hint: None }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [only] => format!("`{only}`"),
        _ => format!("one of {}", words.join(", ")),
    }
}

fn word<T>(value: &SettingValue, words: &[&str], parse: fn(&str) -> Option<T>) -> Result<T, Refusal> {
    value.as_text().and_then(parse).ok_or_else(|| {
        let near = value.as_text().and_then(|text| nearest(text, words.iter().copied()));
        Refusal { hint: near.map(|word| format!("did you mean `{word}`?")), ..refuse(value, one_of(words)) }
    })
}

fn boolean(value: &SettingValue) -> Result<bool, Refusal> {
    match value {
        SettingValue::Bool(value) => Ok(*value),
        SettingValue::Text(text) => match text.trim().to_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Ok(true),
            "0" | "false" | "no" | "off" => Ok(false),
            _ => Err(refuse(value, "one of 1, 0, true, false, yes, no, on, off")),
        },
        other => Err(refuse(other, "true or false")),
    }
}

fn boolean_or_auto(value: &SettingValue) -> Result<Option<bool>, Refusal> {
    match value {
        SettingValue::Null => Ok(None),
        value if value.as_text() == Some("auto") => Ok(None),
        value => boolean(value).map(Some),
    }
}

/// An integer of at least 1 that a tick (an `i64`) can be divided by.
fn at_least_one(value: &SettingValue) -> Result<u64, Refusal> {
    let integer = match value {
        SettingValue::Int(integer) => Some(*integer),
        SettingValue::Text(text) => text.trim().parse().ok(),
        _ => None,
    };
    let in_range = integer.filter(|integer| (1..=i128::from(i64::MAX)).contains(integer));
    in_range.and_then(|integer| u64::try_from(integer).ok()).ok_or_else(|| {
        let allowed = match integer {
            Some(large) if large > 1 => "an integer from 1 to 9223372036854775807",
            _ => "an integer of at least 1",
        };
        refuse(value, allowed)
    })
}

fn every_n(value: &SettingValue) -> Result<Option<u64>, Refusal> {
    match value {
        SettingValue::Null => Ok(None),
        value if value.as_text() == Some("adaptive") => Ok(None),
        value => at_least_one(value).map(Some).map_err(|_| {
            refuse(value, "an integer of at least 1, or `adaptive` (the default: the store decides)")
        }),
    }
}

fn non_empty(value: &SettingValue) -> Result<String, Refusal> {
    match value.as_text() {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        _ => Err(refuse(value, "a string that is not empty")),
    }
}

fn root_dir(value: &SettingValue) -> Result<String, Refusal> {
    match value.as_text() {
        Some(text) if !text.trim().is_empty() && !text.contains('\0') => Ok(text.to_owned()),
        _ => Err(refuse(value, "the path of a directory")),
    }
}

/// Refuses a URL as root: as a path, it would create a directory called `s3:`.
pub(super) fn check_root(settings: &Inner) -> Result<(), Refusal> {
    let root = settings.root_dir.as_str();
    let Some((scheme, rest)) = scheme(root).filter(|_| settings.fs_protocol == FsProtocol::File) else {
        return Ok(());
    };
    let hint = if scheme.eq_ignore_ascii_case("file") {
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        format!("write the path alone: `{path}`")
    } else {
        format!("write to a local directory, and copy the finished run to {scheme}")
    };
    let value = SettingValue::Text(root.to_owned());
    let allowed = format!("the path of a local directory (`{scheme}://` is not supported)");
    Err(Refusal { hint: Some(hint), ..refuse(&value, allowed) }.inside("root_dir"))
}

/// Splits a URL into its scheme and the rest.
fn scheme(root: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = root.split_once("://")?;
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    is_scheme.then_some((scheme, rest))
}

fn fs_protocol(value: &SettingValue) -> Result<FsProtocol, Refusal> {
    word(value, FsProtocol::WORDS, FsProtocol::from_word).map_err(|refusal| {
        match value.as_text().filter(|text| FsProtocol::RESERVED.contains(text)) {
            Some(reserved) => Refusal {
                hint: Some(format!(
                    "object stores are not supported yet: write to a local directory, and copy the finished run \
                     to {reserved}"
                )),
                ..refuse(value, format!("{} (`{reserved}` is not supported yet)", one_of(FsProtocol::WORDS)))
            },
            None => refusal,
        }
    })
}

fn fs_options(value: &SettingValue) -> Result<BTreeMap<String, String>, Refusal> {
    let SettingValue::Table(entries) = value else {
        return Err(refuse(value, "a table of strings"));
    };
    entries
        .iter()
        .map(|(key, value)| match value {
            SettingValue::Str(text) => Ok((key.clone(), text.clone())),
            other => Err(refuse(other, "a string").inside(key)),
        })
        .collect()
}
