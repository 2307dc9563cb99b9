//! Settings from TOML files: `crv.toml` and `pyproject.toml`.

use std::io::{ErrorKind, Read as _};
use std::path::Path;

use serde::Serialize;
use toml::{Table, Value};

use super::environment::DEFAULT_PREFIX;
use super::error::{ConfigError, Origin};
use super::fields::IO_FIELDS;
use super::settings::IoSettings;
use super::value::SettingValue;
use crv_core::suggest::nearest;

/// The files that are searched for, in this order; the first that exists is used.
const FILES: [&str; 2] = ["crv.toml", "pyproject.toml"];

/// The largest settings file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Other parts of CRV that may have tables in the same file. These tables are ignored.
const NEIGHBOURS: [&str; 6] = ["core", "world", "mind", "lab", "viz", "app"];

impl IoSettings {
    /// Returns the defaults, overridden by a TOML file, overridden by the environment; `path` as in
    /// [`from_toml`](Self::from_toml).
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        Self::from_env(Self::from_toml(path)?, DEFAULT_PREFIX)
    }

    /// Returns the defaults, overridden by a TOML file.
    ///
    /// Without a path: `./crv.toml`, or else `./pyproject.toml`, or else the defaults. A path must exist, and may
    /// be either kind of file: settings at the top level or in an `[io]` table, or in `[tool.crv.io]`.
    pub fn from_toml(path: Option<&Path>) -> Result<Self, ConfigError> {
        match path {
            Some(path) => Self::default().with_file(path),
            None => Self::from_toml_in(Path::new("")),
        }
    }

    /// Returns the defaults, overridden by the settings file in `directory`, if there is one.
    pub fn from_toml_in(directory: &Path) -> Result<Self, ConfigError> {
        FILES
            .iter()
            .map(|name| directory.join(name))
            .find(|path| path.is_file())
            .map_or_else(|| Ok(Self::default()), |path| Self::default().with_file(&path))
    }

    /// Returns these settings, overridden by a TOML file.
    pub fn with_file(self, path: &Path) -> Result<Self, ConfigError> {
        self.with_text(path, &read(path)?)
    }

    /// Returns these settings, overridden by the TOML `text`, which was read from `path`.
    pub(crate) fn with_text(self, path: &Path, text: &str) -> Result<Self, ConfigError> {
        let root = parse(path, text)?;
        let is_pyproject = path.file_name().is_some_and(|name| name == FILES[1]);
        let (table, found) = if is_pyproject || root.contains_key("tool") {
            ("tool.crv.io", pyproject(path, root)?)
        } else if root.contains_key("io") {
            ("io", section(path, "", root)?)
        } else {
            ("", root.into_iter().filter(|(key, value)| !is_neighbour(key, value)).collect())
        };
        let origin = Origin::File { path: path.to_owned(), table: table.to_owned() };
        self.with_pairs(&origin, found.into_iter().map(|(key, value)| (key, SettingValue::from(value))))
    }

    /// Serializes these settings as a `crv.toml` that is parsed to the same settings.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        #[derive(Serialize)]
        struct File<'a> {
            io: &'a IoSettings,
        }
        toml::to_string(&File { io: self }).map_err(|error| {
            ConfigError::source(format_args!("the settings cannot be written as TOML: {error}"), None)
        })
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let mut text = String::new();
    // Bounded: the path may be a device or a pipe that never ends.
    let file = fs_err::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    if text.len() as u64 > LARGEST {
        let message = format_args!("the settings file {} has more than {LARGEST} bytes", path.display());
        return Err(ConfigError::source(message, Some("check the path of the settings file")));
    }
    file.map_err(|error| {
        let shown = path.display();
        match error.kind() {
            ErrorKind::NotFound => ConfigError::source(
                format_args!("the settings file {shown} does not exist"),
                Some("name an existing file, or leave it out to use ./crv.toml, ./pyproject.toml or the defaults"),
            ),
            ErrorKind::InvalidData => {
                ConfigError::source(format_args!("the settings file {shown} is not valid UTF-8"), None)
            }
            // The text of fs-err names the path.
            _ => ConfigError::source(format_args!("the settings file cannot be read: {error}"), None),
        }
    })?;
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<Table, ConfigError> {
    text.parse::<Table>().map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let reason = error.message().trim().replace('\n', "; ");
        let shown = path.display();
        ConfigError::source(
            format_args!("{shown} is not valid TOML: line {line}, column {column}: {reason}"),
            None,
        )
    })
}

/// The settings of a `pyproject.toml`; none if it has no `[tool.crv]`.
fn pyproject(path: &Path, mut root: Table) -> Result<Table, ConfigError> {
    let Some(Value::Table(mut tool)) = root.remove("tool") else { return Ok(Table::new()) };
    match tool.remove("crv") {
        None => Ok(Table::new()),
        Some(Value::Table(crv)) => section(path, "tool.crv.", crv),
        Some(_) => Err(not_a_table(path, "tool.crv")),
    }
}

/// The `io` table of a table whose other keys belong to other parts of CRV.
///
/// An unknown key beside it is an error: as a setting it would have no effect.
fn section(path: &Path, prefix: &str, mut table: Table) -> Result<Table, ConfigError> {
    let io = match table.remove("io") {
        None => Table::new(),
        Some(Value::Table(io)) => io,
        Some(_) => return Err(not_a_table(path, &format!("{prefix}io"))),
    };
    let Some((key, _)) = table.iter().find(|(key, value)| !is_neighbour(key, value)) else { return Ok(io) };
    let hint = if IO_FIELDS.iter().any(|field| field.key == key) {
        format!("move it into the table `[{prefix}io]`")
    } else if let Some(near) = nearest(key, ["io"].into_iter().chain(NEIGHBOURS)) {
        format!("did you mean `[{prefix}{near}]`?")
    } else {
        format!("settings of the store are in the table `[{prefix}io]`")
    };
    let message = format!("unknown key `{prefix}{key}` in {}", path.display());
    Err(ConfigError::source(message, Some(&hint)))
}

fn is_neighbour(key: &str, value: &Value) -> bool {
    value.is_table() && NEIGHBOURS.contains(&key)
}

fn not_a_table(path: &Path, name: &str) -> ConfigError {
    let hint = format!("write the settings below a line `[{name}]`");
    ConfigError::source(format_args!("`{name}` in {} is not a table", path.display()), Some(&hint))
}
