//! Writes the seeds of the fuzz targets: files of small runs, written by `crv-io`, and settings.
//!
//! `seeds DIRECTORY` fills `DIRECTORY/<target>/`. The seeds are not kept in the repository, so they always have the
//! current format.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StructArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::Field;
use crv_core::grammar::EBNF_GRAMMAR;
use crv_io::catalog::{Catalog, Selection};
use crv_io::config::Compression;
use crv_io::fuzzing::{COMMIT, TABLE};
use crv_io::pack::PackOptions;
use crv_io::presets::AGENTS;
use crv_io::run::{Outcome, RunError, RunOptions, Seed, start_run};
use crv_io::{AppendOptions, Dataset, IoSettings, TableId};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SETTINGS: &str = r#"
[io]
root_dir = "out"
partitioning = "tick_buckets"
tick_bucket_size = 100
row_group_size = 131072
compression = "lz4"
fs_protocol = "memory"
fs_options = { a = "b" }
strict_schema = false
write_manifest_every_n = 3
[io.valuation]
enabled = true
cost_method = "fifo"
vwap_window_ticks = 10
currency = "native"
[world]
anything = [1, 2.5, 1979-05-27T07:32:00Z]
"#;

const VARIABLES: &str = "TICK_BUCKET_SIZE=7\nCOMPRESSION=snappy\nVALUATION_CURRENCY=x\nSTRICT_SCHEMA=no\n\
                         WRITE_MANIFEST_EVERY_N=adaptive\nROOT_DIR=/tmp\n";

fn main() -> Result<()> {
    let to = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: seeds DIRECTORY")?);
    for text in [SETTINGS, "root_dir = 'a'\n", "[tool.crv.io]\ncompression = 'zstd'\n", VARIABLES] {
        seed(&to, "settings", text.as_bytes())?;
    }
    for text in [EBNF_GRAMMAR, "a = b | \"c\" , { d } ; (* e *)", "20250101-000000", "identity_edges"] {
        seed(&to, "grammar", text.as_bytes())?;
    }
    for compression in [Compression::Zstd, Compression::Lz4, Compression::Snappy] {
        run(&to, compression)?;
    }
    Ok(())
}

/// Writes the seeds of one run: two tables, one of them with payloads, and one commit more than [`COMMIT`].
fn run(to: &Path, compression: Compression) -> Result<()> {
    let root = std::env::temp_dir().join(format!("crv-seeds-{}", std::process::id()));
    let settings = IoSettings::default()
        .with_root_dir(root.to_string_lossy())?
        .with_compression(compression)
        .with_row_group_size(4)?;
    let options = RunOptions {
        run_id: Some("r".to_owned()),
        seed: Some(Seed::from(7_u64)),
        tags: vec!["a".to_owned()],
        ..RunOptions::default()
    };
    let dataset = start_run(&settings, &options)?;
    for tick in 0..=COMMIT.cast_signed() {
        let mut transaction = dataset.transaction();
        transaction.append(TABLE, edges(tick * 40)?, AppendOptions::default())?;
        transaction.append(TableId::DECISIONS, decisions(tick)?, AppendOptions::default())?;
        transaction.commit()?;
    }
    let error = RunError { kind: "ValueError".to_owned(), message: "x".to_owned(), traceback: None };
    dataset.finish(Outcome::Failed(error))?;
    let dir = root.join("runs/r");
    let tables = dir.join("tables");
    let pack = root.join("s.crvpack");
    Catalog::open(settings.clone())?.pack(&Selection::all(), &pack, &PackOptions::default())?;
    seed(to, "pack_list", &fs::read(pack.join("files.parquet"))?)?;
    seed(to, "facts", &fs::read(dir.join("run.json"))?)?;
    seed(to, "status", &fs::read(dir.join("status.json"))?)?;
    seed(to, "manifest", &fs::read(tables.join(TABLE.as_str()).join("manifest.json"))?)?;
    seed(to, "manifest", &contract_keys_alone(&dataset)?)?;
    seed(to, "commit_file", &fs::read(dir.join(format!("_commits/{COMMIT:020}.json")))?)?;
    let agents = dataset.declare(&AGENTS.descriptor()?)?.id();
    dataset.append(agents, agent()?, AppendOptions::default())?;
    dataset.truncate(i64::MAX)?;
    for table in [TABLE, TableId::DECISIONS, agents] {
        for part in dataset.scan(table)?.parts().iter().take(2) {
            seed(to, "parquet_footer", &fs::read(&part.path)?)?;
        }
    }
    dataset.prune(Duration::ZERO)?;
    seed(to, "base_file", &fs::read(dir.join("_commits/base.json"))?)?;
    fs::remove_dir_all(&root)?;
    Ok(())
}

/// A row of the declared table.
fn agent() -> Result<RecordBatch> {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    Ok(RecordBatch::try_from_iter([("tick", Arc::clone(&ids)), ("agent_id", ids)])?)
}

/// Returns a manifest with only the keys that earlier readers know.
fn contract_keys_alone(dataset: &Dataset) -> Result<Vec<u8>> {
    let mut partitions = Vec::new();
    for (key, meta) in &dataset.manifest(TABLE)?.partitions {
        let parts = meta.parts.iter().map(|part| {
            format!(
                r#"{{"path":"{}","rows":{},"bytes":{},"tick_min":{},"tick_max":{},"created_at":"{}"}}"#,
                part.path, part.rows, part.bytes, part.tick_min, part.tick_max, part.created_at
            )
        });
        partitions.push(format!(
            r#""{key}":{{"bucket_id":{},"state":"ready","tick_min":{},"tick_max":{},"row_count":{},"byte_size":{},"parts":[{}]}}"#,
            meta.bucket_id,
            meta.tick_min,
            meta.tick_max,
            meta.row_count,
            meta.byte_size,
            parts.collect::<Vec<_>>().join(",")
        ));
    }
    let time = "2025-09-25T01:37:59+02:00";
    Ok(format!(
        r#"{{"table":"{TABLE}","version":1,"created_at":"{time}","updated_at":"{time}","partitions":{{{}}}}}"#,
        partitions.join(",")
    )
    .into_bytes())
}

fn seed(to: &Path, target: &str, bytes: &[u8]) -> Result<()> {
    let dir = to.join(target);
    fs::create_dir_all(&dir)?;
    let number = fs::read_dir(&dir)?.count();
    fs::write(dir.join(format!("seed-{number:02}")), bytes)?;
    Ok(())
}

fn edges(tick: i64) -> Result<RecordBatch> {
    let rows = 9;
    Ok(RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from_iter_values((0..rows).map(|row| tick + row))) as ArrayRef),
        (
            "observer_agent_id",
            Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("A{}", row % 4)))),
        ),
        ("edge_kind", Arc::new(StringArray::from_iter_values((0..rows).map(|_| "self_to_object")))),
        (
            "edge_weight",
            Arc::new(Float64Array::from_iter_values((0..rows).map(|row| 1.0 / (row + 1) as f64))),
        ),
    ])?)
}

fn decisions(tick: i64) -> Result<RecordBatch> {
    let rows = 5;
    let action = || -> Result<StructArray> {
        let price: ArrayRef =
            Arc::new(Float64Array::from_iter((0..rows).map(|row| (row % 2 == 0).then_some(0.5))));
        let kind: ArrayRef =
            Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("kind {}", row % 2))));
        Ok(StructArray::try_from(vec![("kind", kind), ("price", price)])?)
    };
    let offsets = OffsetBuffer::from_lengths([2, 0, 1, 0, 2]);
    let item = Arc::new(Field::new_list_field(action()?.data_type().clone(), true));
    let candidates = ListArray::try_new(item, offsets, Arc::new(action()?), None)?;
    let estimates: ArrayRef =
        Arc::new(Int64Array::from_iter((0..rows).map(|row| (row > 1).then_some(row << 40))));
    Ok(RecordBatch::try_from_iter([
        ("tick", Arc::new(Int64Array::from_iter_values((0..rows).map(|row| tick + row))) as ArrayRef),
        ("agent_id", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("A{row}"))))),
        ("chosen_action", Arc::new(action()?)),
        ("action_candidates", Arc::new(candidates)),
        ("token_value_estimates", Arc::new(StructArray::try_from(vec![("Alpha", estimates)])?)),
    ])?)
}
