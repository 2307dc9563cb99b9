//! The native half of the Python package `crv`: conversions only.
//!
//! Every rule is in `crv-core` or `crv-io`. A function here converts its arguments to their types ([`arguments`],
//! [`settings`], [`frame`], [`rows`]), calls them with the interpreter released, and converts the result to dicts,
//! Arrow streams ([`scan`]) or one of the exceptions of `crv.io.errors` ([`error`]). The public API and its docs are in
//! `python/crv`; the signatures of this module are in `python/crv/_native.pyi`.
//!
//! What this crate does not do: it names no file, opens no file, and uses neither Parquet nor Polars.

#![expect(clippy::needless_pass_by_value, reason = "PyO3 hands over the arguments it made")]

mod arguments;
mod bundle;
mod catalog;
mod command;
mod contracts;
mod dataset;
mod declare;
mod error;
mod frame;
mod grammar;
mod json;
mod manifest;
mod paths;
mod process;
mod rows;
mod rules;
mod run;
mod scan;
mod settings;
mod transaction;
mod validate;
mod writer;

use pyo3::prelude::*;

/// The native half of `crv`. An implementation detail: use `crv.io` and `crv.core`.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::bundle::{
        artifacts_root, bundle_manifest_path, collect_artifacts_index, collect_tables_index, file_stat,
        lab_dir, write_parquet_atomic, write_run_bundle_manifest, write_text_atomic,
    };
    #[pymodule_export]
    use crate::catalog::{
        CatalogScan, catalog_pack, catalog_runs, catalog_scan, check_root, unpickled_catalog_scan,
    };
    #[pymodule_export]
    use crate::command::cli_main;
    #[pymodule_export]
    use crate::contracts::{
        core_spec, error_kinds, json_dumps_canonical, normalize_run_id, problem_kinds, repair_kinds,
        validate_run_id,
    };
    #[pymodule_export]
    use crate::dataset::{Dataset, Follow, list_runs};
    #[pymodule_export]
    use crate::declare::presets;
    #[pymodule_export]
    use crate::grammar::load_grammar;
    #[pymodule_export]
    use crate::manifest::{load_manifest, write_manifest};
    #[pymodule_export]
    use crate::paths::{
        bucket_dir, bucket_id_for_tick, format_bucket_dir, manifest_path, part_path, run_root, table_dir,
        tables_root,
    };
    #[pymodule_export]
    use crate::rows::{RowFrame, json_column, no_rows, rows_from_arrow, rows_to_arrow};
    #[pymodule_export]
    use crate::rules::{
        check_action_kind, check_edge_kind, check_edge_slots, check_exchange_kind, check_patch_op,
        check_payload, check_tick, check_unit_interval, normalize_envelope_kind, normalize_envelope_status,
        normalize_side, normalize_visibility,
    };
    #[pymodule_export]
    use crate::run::{Run, remove_run, start_run, summarize_runs};
    #[pymodule_export]
    use crate::scan::{Batch, Batches, Rereads, Scan, pinned_scan};
    #[pymodule_export]
    use crate::settings::{check_settings, check_valuation, settings_from_env, settings_from_toml};
    #[pymodule_export]
    use crate::transaction::Transaction;
    #[pymodule_export]
    use crate::validate::validate_frame;
    #[pymodule_export]
    use crate::writer::Writer;
}
