//! The rules of the settings, source by source: accepted values, and the exact messages for refused ones.

use std::ffi::OsString;
use std::path::PathBuf;

use proptest::prelude::*;

use super::{
    Compression, ConfigError, CostMethod, FsProtocol, IoSettings, Origin, PriceSource, SettingValue,
    ValuationSettings, VerifyReads,
};

type Outcome = Result<IoSettings, ConfigError>;

/// The message, and the hint below it if there is one.
fn refused(outcome: Outcome) -> String {
    let error = outcome.expect_err("these settings should be refused");
    match error.hint() {
        Some(hint) => format!("{error}\nhint: {hint}"),
        None => error.to_string(),
    }
}

fn variables(pairs: &[(&str, &str)]) -> Outcome {
    let pairs = pairs.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    IoSettings::default().with_variables("CRV_IO_", pairs)
}

/// The outcome of reading a file of this name and text, and its folder.
fn file(name: &str, text: &str) -> (Outcome, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs_err::write(&path, text).unwrap();
    (IoSettings::from_toml(Some(&path)), folder.path().to_owned())
}

fn accepted(name: &str, text: &str) -> IoSettings {
    file(name, text).0.unwrap()
}

fn refused_file(name: &str, text: &str) -> String {
    let (outcome, folder) = file(name, text);
    refused(outcome).replace(&format!("{}/", folder.display()), "")
}

#[test]
fn defaults_are_the_contracts() {
    let settings = IoSettings::default();
    let shown = serde_json::to_value(&settings).unwrap();
    let expected = serde_json::json!({
        "root_dir": "out", "partitioning": "tick_buckets", "tick_bucket_size": 100, "row_group_size": 131_072,
        "compression": "zstd", "fs_protocol": "file", "fs_options": {}, "strict_schema": true,
        "write_manifest_every_n": null, "compact_sealed_buckets": null, "verify_reads": "checksum",
        "valuation": {"enabled": false, "cost_method": "wac", "price_source": "last_trade",
                      "vwap_window_ticks": 10, "currency": "native"},
    });
    assert_eq!(shown, expected);
}

#[test]
fn every_setting_has_an_effect_from_pairs() {
    let settings = IoSettings::from_pairs([
        ("root_dir", SettingValue::from("runs")),
        ("partitioning", "tick_buckets".into()),
        ("tick_bucket_size", 7_u64.into()),
        ("row_group_size", 8_u64.into()),
        ("compression", "snappy".into()),
        ("fs_protocol", "memory".into()),
        ("fs_options", SettingValue::Table(vec![("a".into(), "b".into())])),
        ("strict_schema", false.into()),
        ("write_manifest_every_n", 3_u64.into()),
        ("compact_sealed_buckets", true.into()),
        ("verify_reads", "size".into()),
        ("valuation", SettingValue::Table(vec![("enabled".into(), true.into())])),
    ])
    .unwrap();
    assert_eq!(settings.root_dir(), "runs");
    assert_eq!(settings.tick_bucket_size(), 7);
    assert_eq!(settings.row_group_size(), 8);
    assert_eq!(settings.compression(), Compression::Snappy);
    assert_eq!(settings.fs_protocol(), FsProtocol::Memory);
    assert_eq!(settings.fs_options().get("a").map(String::as_str), Some("b"));
    assert!(!settings.strict_schema());
    assert_eq!(settings.write_manifest_every_n(), Some(3));
    assert!(settings.compact_sealed_buckets());
    assert_eq!(settings.verify_reads(), VerifyReads::Size);
    assert!(settings.valuation().enabled());
    assert_eq!(settings.valuation().currency(), "native");
}

#[test]
fn setters_refuse_what_pairs_refuse() {
    let settings = IoSettings::default();
    assert!(settings.clone().with_tick_bucket_size(0).is_err());
    assert!(settings.clone().with_tick_bucket_size(u64::MAX).is_err());
    assert!(settings.clone().with_row_group_size(0).is_err());
    assert!(settings.clone().with_root_dir("").is_err());
    assert!(settings.clone().with_write_manifest_every_n(Some(0)).is_err());
    assert_eq!(settings.clone().with_write_manifest_every_n(None).unwrap(), settings);
    assert!(ValuationSettings::default().with("vwap_window_ticks", 0_u64).is_err());
}

#[test]
fn a_refusal_names_the_setting_the_value_and_what_is_allowed() {
    let cases = [
        ("tick_bucket_size", SettingValue::Int(0), "0`, and must be an integer of at least 1"),
        ("tick_bucket_size", SettingValue::Int(-1), "-1`, and must be an integer of at least 1"),
        (
            "tick_bucket_size",
            SettingValue::Int(1 << 63),
            "9223372036854775808`, and must be an integer from 1 to 9223372036854775807",
        ),
        ("tick_bucket_size", SettingValue::Float(50.0), "50.0`, and must be an integer of at least 1"),
        ("tick_bucket_size", SettingValue::Bool(true), "true`, and must be an integer of at least 1"),
        ("tick_bucket_size", "50".into(), "\"50\"`, and must be an integer of at least 1"),
        ("row_group_size", SettingValue::Null, "none`, and must be an integer of at least 1"),
        ("compression", "gzip".into(), "\"gzip\"`, and must be one of zstd, lz4, snappy"),
        (
            "compression",
            "ZSTD".into(),
            "\"ZSTD\"`, and must be one of zstd, lz4, snappy\nhint: did you mean `zstd`?",
        ),
        ("partitioning", "hive".into(), "\"hive\"`, and must be `tick_buckets`"),
        (
            "fs_protocol",
            "s3".into(),
            "\"s3\"`, and must be one of file, memory (`s3` is not supported yet)\nhint: object stores are not \
             supported yet: write to a local directory, and copy the finished run to s3",
        ),
        ("fs_options", SettingValue::Int(1), "1`, and must be a table of strings"),
        ("strict_schema", SettingValue::Int(1), "1`, and must be true or false"),
        ("strict_schema", "yes".into(), "\"yes\"`, and must be true or false"),
        ("root_dir", "".into(), "\"\"`, and must be the path of a directory"),
        ("root_dir", "a\0b".into(), "\"a\\0b\"`, and must be the path of a directory"),
        (
            "write_manifest_every_n",
            SettingValue::Int(0),
            "0`, and must be an integer of at least 1, or `adaptive` (the default: the store decides)",
        ),
        ("valuation", SettingValue::Bool(true), "true`, and must be a table of valuation settings"),
    ];
    for (key, value, expected) in cases {
        let text = refused(IoSettings::from_pairs([(key, value)]));
        assert_eq!(text, format!("setting `{key}` is `{expected}"));
    }
}

#[test]
fn nested_settings_are_named_in_full() {
    let inside = |table: &str, key: &str, value: SettingValue| {
        refused(IoSettings::from_pairs([(table, SettingValue::Table(vec![(key.to_owned(), value)]))]))
    };
    assert_eq!(
        inside("valuation", "cost_method", "LIFO".into()),
        "setting `valuation.cost_method` is `\"LIFO\"`, and must be one of wac, fifo, lifo, specific_lot\n\
         hint: did you mean `lifo`?"
    );
    assert_eq!(
        inside("valuation", "curency", "EUR".into()),
        "unknown setting `valuation.curency`\nhint: did you mean `currency`?"
    );
    assert_eq!(
        inside("fs_options", "anon", true.into()),
        "setting `fs_options.anon` is `true`, and must be a string"
    );
}

#[test]
fn an_unknown_setting_is_an_error_with_a_suggestion() {
    assert_eq!(
        refused(IoSettings::from_pairs([("tick_buckt_size", SettingValue::Int(1))])),
        "unknown setting `tick_buckt_size`\nhint: did you mean `tick_bucket_size`?"
    );
    assert_eq!(
        refused(IoSettings::from_pairs([("weather", SettingValue::Int(1))])),
        "unknown setting `weather`\nhint: the settings are root_dir, partitioning, tick_bucket_size, \
         row_group_size, compression, fs_protocol, fs_options, strict_schema, write_manifest_every_n, \
         compact_sealed_buckets, verify_reads, valuation"
    );
}

#[test]
fn every_variable_has_an_effect() {
    let settings = variables(&[
        ("CRV_IO_ROOT_DIR", "/data"),
        ("CRV_IO_PARTITIONING", "tick_buckets"),
        ("CRV_IO_TICK_BUCKET_SIZE", " 50 "),
        ("CRV_IO_ROW_GROUP_SIZE", "9"),
        ("CRV_IO_COMPRESSION", "lz4"),
        ("CRV_IO_FS_PROTOCOL", "memory"),
        ("CRV_IO_STRICT_SCHEMA", "Off"),
        ("CRV_IO_WRITE_MANIFEST_EVERY_N", "4"),
        ("CRV_IO_COMPACT_SEALED_BUCKETS", "yes"),
        ("CRV_IO_VERIFY_READS", "size"),
        ("CRV_IO_VALUATION_ENABLED", "yes"),
        ("CRV_IO_VALUATION_COST_METHOD", "fifo"),
        ("CRV_IO_VALUATION_PRICE_SOURCE", "oracle"),
        ("CRV_IO_VALUATION_VWAP_WINDOW_TICKS", "20"),
        ("CRV_IO_VALUATION_CURRENCY", "EUR"),
        ("CRV_OTHER", "not ours"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    let expected = serde_json::json!({
        "root_dir": "/data", "partitioning": "tick_buckets", "tick_bucket_size": 50, "row_group_size": 9,
        "compression": "lz4", "fs_protocol": "memory", "fs_options": {}, "strict_schema": false,
        "write_manifest_every_n": 4, "compact_sealed_buckets": true, "verify_reads": "size",
        "valuation": {"enabled": true, "cost_method": "fifo", "price_source": "oracle", "vwap_window_ticks": 20,
                      "currency": "EUR"},
    });
    assert_eq!(serde_json::to_value(&settings).unwrap(), expected);
    let adaptive = settings.with_variables("X_", [("X_WRITE_MANIFEST_EVERY_N".into(), "adaptive".into())]);
    assert_eq!(adaptive.unwrap().write_manifest_every_n(), None);
}

#[test]
fn sealed_buckets_are_merged_in_started_runs_unless_that_was_set() {
    let settings = IoSettings::default();
    assert!(!settings.compact_sealed_buckets());
    assert!(settings.clone().of_a_started_run().compact_sealed_buckets());
    assert!(!settings.clone().with_compact_sealed_buckets(false).of_a_started_run().compact_sealed_buckets());
    let set = settings.with_compact_sealed_buckets(false).with("compact_sealed_buckets", "auto").unwrap();
    assert!(set.of_a_started_run().compact_sealed_buckets());
}

#[test]
fn booleans_of_the_environment_have_eight_spellings() {
    let strict = |word| variables(&[("CRV_IO_STRICT_SCHEMA", word)]);
    for word in ["1", "true", "YES", "on"] {
        assert!(strict(word).unwrap().strict_schema(), "{word}");
    }
    for word in ["0", "False", "no", "off"] {
        assert!(!strict(word).unwrap().strict_schema(), "{word}");
    }
    assert_eq!(
        refused(strict("maybe")),
        "environment variable `CRV_IO_STRICT_SCHEMA` is `maybe`, and must be one of 1, 0, true, false, yes, no, \
         on, off"
    );
}

#[test]
fn a_refused_variable_is_named_as_it_is_set() {
    let cases = [
        (
            "CRV_IO_TICK_BUCKET_SIZE",
            "",
            "environment variable `CRV_IO_TICK_BUCKET_SIZE` is ``, and must be an integer of at least 1",
        ),
        (
            "CRV_IO_VALUATION_CURRENCY",
            "",
            "environment variable `CRV_IO_VALUATION_CURRENCY` is ``, and must be a string that is not empty",
        ),
        (
            "CRV_IO_TICK_BUKET_SIZE",
            "5",
            "unknown environment variable `CRV_IO_TICK_BUKET_SIZE`\nhint: did you mean `CRV_IO_TICK_BUCKET_SIZE`?",
        ),
        (
            "CRV_IO_FS_OPTIONS",
            "{}",
            "unknown environment variable `CRV_IO_FS_OPTIONS`\nhint: `fs_options` is a table: set it in crv.toml",
        ),
        (
            "CRV_IO_",
            "",
            "unknown environment variable `CRV_IO_`\nhint: unset it, or use one of ROOT_DIR, PARTITIONING, \
             TICK_BUCKET_SIZE, ROW_GROUP_SIZE, COMPRESSION, FS_PROTOCOL, STRICT_SCHEMA, WRITE_MANIFEST_EVERY_N, \
             COMPACT_SEALED_BUCKETS, VERIFY_READS, VALUATION_ENABLED, VALUATION_COST_METHOD, VALUATION_PRICE_SOURCE, \
             VALUATION_VWAP_WINDOW_TICKS, VALUATION_CURRENCY, each with the prefix",
        ),
    ];
    for (name, value, expected) in cases {
        assert_eq!(refused(variables(&[(name, value)])), expected);
    }
    assert!(IoSettings::default().with_variables("", []).is_err(), "every variable would be a setting");
}

#[cfg(unix)]
#[test]
fn a_variable_that_is_not_utf8_is_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let value = OsString::from_vec(vec![b'a', 0xff]);
    let outcome = IoSettings::default().with_variables("CRV_IO_", [("CRV_IO_ROOT_DIR".into(), value)]);
    assert_eq!(refused(outcome), "environment variable `CRV_IO_ROOT_DIR` is not valid UTF-8: a\u{fffd}");
}

#[test]
fn a_file_holds_settings_at_the_top_in_io_or_in_tool_crv_io() {
    let expected = IoSettings::default().with_tick_bucket_size(5).unwrap().with_valuation(
        ValuationSettings::default().with("price_source", PriceSource::Oracle.as_str()).unwrap(),
    );
    let body = |table: &str| {
        let dot = if table.is_empty() { "" } else { "." };
        let header = if table.is_empty() { String::new() } else { format!("[{table}]\n") };
        format!("{header}tick_bucket_size = 5\n[{table}{dot}valuation]\nprice_source = 'oracle'\n")
    };
    assert_eq!(accepted("crv.toml", &body("")), expected);
    assert_eq!(accepted("crv.toml", &body("io")), expected);
    assert_eq!(accepted("any.toml", &body("tool.crv.io")), expected);
    assert_eq!(accepted("pyproject.toml", &body("tool.crv.io")), expected);
    assert_eq!(accepted("pyproject.toml", "io = 1\n[project]\nname = 'x'"), IoSettings::default());
}

#[test]
fn tables_of_other_parts_of_crv_are_left_alone() {
    let expected = IoSettings::default().with_tick_bucket_size(5).unwrap();
    assert_eq!(accepted("crv.toml", "tick_bucket_size = 5\n[world]\nsize = 3"), expected);
    assert_eq!(accepted("crv.toml", "[io]\ntick_bucket_size = 5\n[world]\nsize = 3"), expected);
    assert_eq!(accepted("crv.toml", "[mind]\nx = 1"), IoSettings::default());
}

#[test]
fn a_refused_file_is_named_with_its_key() {
    let cases = [
        (
            "tick_bucket_size = '50'",
            "setting `tick_bucket_size` in crv.toml is `\"50\"`, and must be an integer of at least 1",
        ),
        (
            "[io]\nroot_dir = 2020-01-01",
            "setting `io.root_dir` in crv.toml is `2020-01-01`, and must be the path of a directory",
        ),
        (
            "[tool.crv.io.valuation]\ncost_method = 'wca'",
            "setting `tool.crv.io.valuation.cost_method` in crv.toml is `\"wca\"`, and must be one of wac, fifo, \
             lifo, specific_lot\nhint: did you mean `wac`?",
        ),
        ("[io]\ncolour = 1", "unknown setting `io.colour` in crv.toml\nhint: the settings are root_dir"),
        (
            "tick_bucket_size = 5\n[io]\nroot_dir = 'x'",
            "unknown key `tick_bucket_size` in crv.toml\nhint: move it into the table `[io]`",
        ),
        ("[io]\n[oi]\nx = 1", "unknown key `oi` in crv.toml\nhint: did you mean `[io]`?"),
        (
            "[tool.crv.oi]\nx = 1",
            "unknown key `tool.crv.oi` in crv.toml\nhint: did you mean `[tool.crv.io]`?",
        ),
        ("io = 3", "`io` in crv.toml is not a table\nhint: write the settings below a line `[io]`"),
        (
            "tool.crv = 3",
            "`tool.crv` in crv.toml is not a table\nhint: write the settings below a line `[tool.crv]`",
        ),
        ("a = 1\nb == 2", "crv.toml is not valid TOML: line 2, column 4: "),
    ];
    for (text, expected) in cases {
        let refused = refused_file("crv.toml", text);
        assert!(
            refused.starts_with(expected),
            "{text:?} gave:\n{refused}\nand should begin with:\n{expected}"
        );
    }
}

#[test]
fn a_named_file_must_exist_and_be_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crv.toml");
    let missing = refused(IoSettings::load(Some(&path)));
    assert!(missing.starts_with(&format!("the settings file {} does not exist\nhint: ", path.display())));
    fs_err::write(&path, b"root_dir = '\xff'").unwrap();
    let not_text = refused(IoSettings::load(Some(&path)));
    assert_eq!(not_text, format!("the settings file {} is not valid UTF-8", path.display()));
}

#[test]
fn crv_toml_is_found_before_pyproject_toml_and_neither_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let size = || IoSettings::from_toml_in(folder.path()).unwrap().tick_bucket_size();
    assert_eq!(size(), 100);
    fs_err::write(folder.path().join("pyproject.toml"), "[tool.crv.io]\ntick_bucket_size = 2").unwrap();
    assert_eq!(size(), 2);
    fs_err::write(folder.path().join("crv.toml"), "tick_bucket_size = 3").unwrap();
    assert_eq!(size(), 3);
}

#[test]
fn a_later_source_overrides_field_by_field() {
    let below = accepted("crv.toml", "tick_bucket_size = 5\n[valuation]\nenabled = true\ncurrency = 'EUR'");
    let pairs = [("CRV_IO_VALUATION_CURRENCY".into(), "CHF".into()), ("CRV_IO_ROOT_DIR".into(), "x".into())];
    let settings = below.with_variables("CRV_IO_", pairs).unwrap();
    assert_eq!(settings.tick_bucket_size(), 5);
    assert_eq!(settings.root_dir(), "x");
    assert!(settings.valuation().enabled());
    assert_eq!(settings.valuation().currency(), "CHF");
}

#[test]
fn a_flag_is_named_as_it_is_typed() {
    let origin = Origin::Flag("--tick-bucket-size".to_owned());
    let pairs = [("tick_bucket_size", SettingValue::Text("ten".to_owned()))];
    assert_eq!(
        refused(IoSettings::default().with_pairs(&origin, pairs)),
        "flag `--tick-bucket-size` is `ten`, and must be an integer of at least 1"
    );
}

fn any_settings() -> impl Strategy<Value = IoSettings> {
    let compression = proptest::sample::select(Compression::ALL);
    let cost = proptest::sample::select(CostMethod::ALL);
    let verify = proptest::sample::select(VerifyReads::ALL);
    let size = 1..=i64::MAX.cast_unsigned();
    (
        size.clone(),
        size,
        compression,
        (cost, verify),
        "[^\0]{0,20}x",
        any::<(bool, bool)>(),
        proptest::option::of(1..9_u64),
    )
        .prop_map(|(ticks, rows, compression, (cost, verify), root, (strict, compact), every)| {
            let valuation = ValuationSettings::default().with("cost_method", cost.as_str()).unwrap();
            let settings = IoSettings::default().with_tick_bucket_size(ticks).unwrap();
            let settings = settings.with_row_group_size(usize::try_from(rows).unwrap()).unwrap();
            let settings = settings.with_root_dir(root).unwrap().with_write_manifest_every_n(every).unwrap();
            let settings = settings.with_compression(compression).with_compact_sealed_buckets(compact);
            let settings = settings.with_verify_reads(verify);
            settings.with_strict_schema(strict).with_valuation(valuation)
        })
}

proptest! {
    #[test]
    fn settings_written_as_toml_are_read_back_equal(settings in any_settings()) {
        prop_assert_eq!(accepted("crv.toml", &settings.to_toml().unwrap()), settings);
    }
}

/// Nesting deeper than any stack, invalid numbers, duplicate keys, and invalid strings.
#[test]
fn hostile_toml_is_refused_in_few_words() {
    let deep =
        |open: &str, close: &str| format!("root_dir = {}{}", open.repeat(100_000), close.repeat(100_000));
    let keys = "a.".repeat(100_000);
    let cases = [
        deep("[", "]"),
        deep("{a=", "}"),
        format!("{keys}a = 1"),
        format!("[{keys}a]"),
        format!("{}io{}", "[".repeat(100_000), "]".repeat(100_000)),
        "root_dir = 'a'\nroot_dir = 'b'".to_owned(),
        "[io]\n[io]".to_owned(),
        "io = 1\n[io]".to_owned(),
        "[io]\nvaluation.enabled = true\n[io.valuation]".to_owned(),
        format!("tick_bucket_size = {}", "9".repeat(100_000)),
        "tick_bucket_size = 9223372036854775808".to_owned(),
        "tick_bucket_size = -9223372036854775808".to_owned(),
        "tick_bucket_size = 1e400".to_owned(),
        "tick_bucket_size = nan".to_owned(),
        "tick_bucket_size = 0".to_owned(),
        "tick_bucket_size = [1]".to_owned(),
        "row_group_size = 0".to_owned(),
        "root_dir = \"a\\u0000b\"".to_owned(),
        "root_dir = ''".to_owned(),
        "root_dir = '\0'".to_owned(),
        "\u{0}".to_owned(),
        "fs_options = { a = 1 }".to_owned(),
    ];
    for text in cases {
        let error = refused_file("crv.toml", &text);
        assert!(error.len() < 1000 + text.len(), "{error:.300}");
    }
    assert!(accepted("crv.toml", "\u{feff}root_dir = 'a'").root_dir() == "a", "a byte order mark is ignored");
}

/// A path may name a device that never ends, or a file of another kind.
#[test]
fn a_settings_file_of_more_than_a_mebibyte_is_refused() {
    let text = |length: usize| format!("root_dir = 'a' #{}", " ".repeat(length - 16));
    assert_eq!(accepted("crv.toml", &text(1 << 20)).root_dir(), "a");
    let error = refused_file("crv.toml", &text((1 << 20) + 1));
    assert_eq!(
        error,
        "the settings file crv.toml has more than 1048576 bytes\nhint: check the path of the settings file"
    );
    #[cfg(target_os = "linux")]
    assert!(refused(IoSettings::from_toml(Some("/dev/zero".as_ref()))).contains("more than 1048576 bytes"));
}

/// Unlike a file, a variable may hold any text, and bytes that are not text.
#[test]
fn odd_variables_are_refused_or_taken_as_they_are() {
    let long = "9".repeat(100_000);
    for (name, value) in [
        ("TICK_BUCKET_SIZE", ""),
        ("TICK_BUCKET_SIZE", "0"),
        ("TICK_BUCKET_SIZE", "-1"),
        ("TICK_BUCKET_SIZE", "1e3"),
        ("TICK_BUCKET_SIZE", "0x10"),
        ("TICK_BUCKET_SIZE", "\u{661}"),
        ("TICK_BUCKET_SIZE", "340282366920938463463374607431768211456"),
        ("TICK_BUCKET_SIZE", &long),
        ("ROOT_DIR", ""),
        ("ROOT_DIR", " \n"),
        ("ROOT_DIR", "a\0b"),
        ("STRICT_SCHEMA", "tru\u{435}"),
        ("COMPRESSION", "zstd\0"),
        ("", "x"),
        ("\u{0}", "x"),
        (&long, "x"),
    ] {
        refused(variables(&[(&format!("CRV_IO_{name}"), value)]));
    }
    assert_eq!(
        variables(&[("CRV_IO_ROOT_DIR", "../a b\n\u{1f980}")]).unwrap().root_dir(),
        "../a b\n\u{1f980}"
    );
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt;
        let bytes = OsString::from_vec(b"a\xff".to_vec());
        let outcome = IoSettings::default().with_variables("CRV_IO_", [("CRV_IO_ROOT_DIR".into(), bytes)]);
        assert!(refused(outcome).contains("is not valid UTF-8"));
    }
}
