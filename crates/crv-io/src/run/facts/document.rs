//! The contents of `run.json`, to bytes and back.

use crv_core::ids::RunId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::seed::Seed;
use crate::error::{Error, Result};
use crate::manifest;
use crate::run::bounds::{MAX_BYTES, MAX_DEPTH, is_deeper};
use crate::run::origin::{GitState, Versions};
use crate::run::process::ProcessId;
use crate::stamp;

/// The version of the document.
pub(super) const FORMAT: u32 = 1;
/// Most bytes of the document.
pub(super) const MAX_FACTS_BYTES: usize = MAX_BYTES;

/// What a run is, and where it comes from. Written once, by [`start_run`](crate::run::start_run).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The run.
    pub run_id: RunId,
    /// When it was started, ISO-8601 in UTC.
    pub created_at: String,
    /// The parameters of the model.
    #[serde(default)]
    pub params: Map<String, Value>,
    /// The seed of its random numbers.
    #[serde(default)]
    pub seed: Option<Seed>,
    /// The sweep that the run is part of.
    #[serde(default)]
    pub sweep: Option<String>,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The model.
    #[serde(default)]
    pub model: ModelFacts,
    /// The command line of the process that started the run.
    #[serde(default)]
    pub command: Vec<String>,
    /// The name of its machine.
    #[serde(default)]
    pub host: Option<String>,
    /// Its number.
    pub pid: u32,
    /// When it was started, in a form of its own: equal for the same process of the same machine alone.
    #[serde(default)]
    pub process_start: Option<String>,
    /// The versions of the programs.
    #[serde(default)]
    pub versions: Versions,
    /// Keys of the caller.
    #[serde(default)]
    pub extra: Map<String, Value>,
}

impl RunFacts {
    /// The process that started the run.
    pub(in crate::run) fn process(&self) -> ProcessId {
        ProcessId { host: self.host.clone(), pid: self.pid, start: self.process_start.clone() }
    }
}

/// The model of a run, and the version of its source.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModelFacts {
    /// Its name.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The state of the Git repository that its source is in.
    pub git: GitState,
}

/// Checks an object of the caller, `name`, against the bounds.
pub(crate) fn check_object(name: &str, object: &Map<String, Value>) -> Result<()> {
    match object.iter().find(|(_, value)| is_deeper(value, MAX_DEPTH - 1)) {
        None => Ok(()),
        Some((key, _)) => Err(Error::argument(format!(
            "`{name}.{key}` is nested too deep: `{name}` may have {MAX_DEPTH} levels"
        ))
        .with_hint("write large data as an artifact, and keep its name here")),
    }
}

/// The bytes of the document, sealed.
pub(crate) fn encode(facts: &RunFacts) -> Result<Vec<u8>> {
    check_object("params", &facts.params)?;
    check_object("extra", &facts.extra)?;
    let bytes = sealed(facts).map_err(|error| Error::argument(format!("the facts are not JSON: {error}")))?;
    if bytes.len() > MAX_FACTS_BYTES {
        let text = format!("the facts are {} bytes of JSON, and the limit is {MAX_FACTS_BYTES}", bytes.len());
        return Err(
            Error::argument(text).with_hint("write large data as an artifact, and keep its name here")
        );
    }
    Ok(bytes)
}

/// The bytes of a document, its format first and its seal last.
pub(super) fn sealed(document: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let body = serde_json::to_vec_pretty(document)?;
    let mut bytes = format!("{{\n  \"format\": {FORMAT},").into_bytes();
    bytes.extend_from_slice(body.strip_prefix(b"{").unwrap_or(&body));
    Ok(manifest::seal(bytes, true))
}

/// Parses the document. The error says what is wrong with it.
pub(crate) fn decode(bytes: &[u8]) -> Result<RunFacts, String> {
    manifest::open_document(bytes, FORMAT)?;
    let facts: RunFacts = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    check_time("created_at", &facts.created_at)?;
    for (name, object) in [("params", &facts.params), ("extra", &facts.extra)] {
        check_object(name, object).map_err(|error| error.to_string())?;
    }
    Ok(facts)
}

/// Checks that a text is a time.
pub(super) fn check_time(key: &str, text: &str) -> Result<(), String> {
    stamp::parse(text).map(drop).ok_or_else(|| format!("`{key}` is not a time"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts(params: Map<String, Value>) -> RunFacts {
        RunFacts {
            run_id: RunId::new("r").unwrap(),
            created_at: "2026-01-02T03:04:05+00:00".to_owned(),
            params,
            seed: Some(Seed::from(7_u64)),
            sweep: None,
            tags: vec!["a".to_owned()],
            model: ModelFacts::default(),
            command: Vec::new(),
            host: None,
            pid: 1,
            process_start: None,
            versions: Versions::default(),
            extra: Map::new(),
        }
    }

    /// Any JSON, with numbers and texts of all kinds.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            proptest::num::f64::NORMAL.prop_map(Value::from),
            "\\PC{0,9}".prop_map(Value::from),
            Just(Value::from("crc32c\"}\u{0}\n")),
        ];
        leaf.prop_recursive(5, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("\\PC{0,9}", inner, 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn facts_come_back_as_they_were(fields in prop::collection::btree_map("\\PC{0,9}", json(), 0..6)) {
            let facts = facts(fields.into_iter().collect());
            prop_assert_eq!(decode(&encode(&facts).unwrap()), Ok(facts));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = encode(&facts(Map::new())).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&flipped).is_err(), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn unknown_keys_are_ignored_and_a_later_format_is_refused_whatever_else_it_says() {
        let of = |text: &str| decode(&manifest::seal(text.as_bytes().to_vec(), true));
        let known = r#""run_id":"r","created_at":"2026-01-02T03:04:05Z","pid":1"#;
        assert_eq!(of(&format!(r#"{{"format":1,{known},"new":{{"a":[1]}}}}"#)).unwrap().pid, 1);
        assert_eq!(
            of(r#"{"format":2,"all":"else"}"#).unwrap_err(),
            "it has format 2, and this crv reads format 1"
        );
        for (text, why) in [
            (
                r#"{"format":1,"run_id":"../x","created_at":"2026-01-02T03:04:05Z","pid":1}"#.to_owned(),
                "run id",
            ),
            (r#"{"format":1,"run_id":"r","created_at":"soon","pid":1}"#.to_owned(), "not a time"),
            (format!(r#"{{"format":1,{known},"seed":1.5}}"#), "`seed` is `1.5`"),
            (format!(r#"{{"format":1,{known},"pid":2}}"#), "duplicate field"),
            (
                format!(r#"{{"format":1,{known},"params":{}1{}}}"#, r#"{"a":"#.repeat(70), "}".repeat(70)),
                "too deep",
            ),
        ] {
            let error = of(&text).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn facts_beyond_the_bounds_are_refused_and_the_key_is_named() {
        let deep = (0..70).fold(Value::Null, |inner, _| Value::from(vec![inner]));
        let error = encode(&facts(Map::from_iter([("grid".to_owned(), deep)]))).unwrap_err();
        assert_eq!(error.to_string(), "`params.grid` is nested too deep: `params` may have 64 levels");
        let large = Map::from_iter([("a".to_owned(), Value::from("x".repeat(MAX_FACTS_BYTES)))]);
        assert!(encode(&facts(large)).unwrap_err().to_string().contains("the limit is 16777216"));
    }
}
