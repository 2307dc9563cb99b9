//! Settings from environment variables.

use std::ffi::{OsStr, OsString};

use super::error::{ConfigError, Origin};
use super::fields::{IO_FIELDS, VALUATION_FIELDS};
use super::settings::IoSettings;
use super::valuation::VALUATION_KEY;
use super::value::SettingValue;
use crv_core::suggest::nearest;

/// The default prefix of environment variables.
pub const DEFAULT_PREFIX: &str = "CRV_IO_";

/// The only setting that cannot be set by a variable.
const NOT_A_VARIABLE: &str = "fs_options";

impl IoSettings {
    /// Returns `base` overridden by the settings in this process's environment.
    ///
    /// Every variable that begins with `prefix` must be a setting: `TICK_BUCKET_SIZE`, or `VALUATION_CURRENCY` for
    /// a setting of the valuation.
    pub fn from_env(base: Self, prefix: &str) -> Result<Self, ConfigError> {
        base.with_variables(prefix, std::env::vars_os())
    }

    /// As [`from_env`](Self::from_env), with the given variables.
    pub fn with_variables(
        self,
        prefix: &str,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        if prefix.is_empty() {
            return Err(ConfigError::source(
                "the prefix of the environment variables is empty, and every variable would be a setting",
                Some("the usual prefix is `CRV_IO_`"),
            ));
        }
        let origin = Origin::Environment { prefix: prefix.to_owned() };
        let mut ours: Vec<(String, OsString)> = variables
            .into_iter()
            .filter_map(|(name, value)| {
                let name = name.to_string_lossy();
                name.strip_prefix(prefix).map(|rest| (rest.to_owned(), value))
            })
            .collect();
        // Sorted, so that the first error is deterministic: the environment has no order.
        ours.sort();
        ours.into_iter().try_fold(self, |settings, (name, value)| {
            let key = setting(prefix, &name)?;
            let value = text(prefix, &name, &value)?;
            match key {
                Key::Io(key) => settings.with_pairs(&origin, [(key, value)]),
                Key::Valuation(key) => {
                    let table = SettingValue::Table(vec![(key.to_owned(), value)]);
                    settings.with_pairs(&origin, [(VALUATION_KEY, table)])
                }
            }
        })
    }
}

enum Key {
    Io(&'static str),
    Valuation(&'static str),
}

/// Every setting that a variable can set, with the variable's name after the prefix.
fn variables() -> impl Iterator<Item = (String, Key)> {
    let io = IO_FIELDS
        .iter()
        .filter(|field| field.key != NOT_A_VARIABLE && field.key != VALUATION_KEY)
        .map(|field| (field.key.to_uppercase(), Key::Io(field.key)));
    let valuation = VALUATION_FIELDS
        .iter()
        .map(|field| (format!("{VALUATION_KEY}_{}", field.key).to_uppercase(), Key::Valuation(field.key)));
    io.chain(valuation)
}

fn setting(prefix: &str, name: &str) -> Result<Key, ConfigError> {
    if let Some((_, key)) = variables().find(|(known, _)| known == name) {
        return Ok(key);
    }
    let known: Vec<String> = variables().map(|(known, _)| known).collect();
    let hint = if name.eq_ignore_ascii_case(NOT_A_VARIABLE) || name.eq_ignore_ascii_case(VALUATION_KEY) {
        format!("`{}` is a table: set it in crv.toml", name.to_lowercase())
    } else if let Some(near) = nearest(name, known.iter().map(String::as_str)) {
        format!("did you mean `{prefix}{near}`?")
    } else {
        format!("unset it, or use one of {}, each with the prefix", known.join(", "))
    };
    Err(ConfigError::source(format_args!("unknown environment variable `{prefix}{name}`"), Some(&hint)))
}

fn text(prefix: &str, name: &str, value: &OsStr) -> Result<SettingValue, ConfigError> {
    value.to_str().map(|text| SettingValue::Text(text.to_owned())).ok_or_else(|| {
        ConfigError::source(
            format_args!("environment variable `{prefix}{name}` is not valid UTF-8: {}", value.display()),
            None,
        )
    })
}
