//! A pack: many runs in a directory of few files, never changed. [`PackStore`] reads it as a root.
//!
//! ```text
//! s1.crvpack/
//!   pack.json                what the other files are
//!   runs.parquet             a row for each run, for people and other tools
//!   files.parquet            what each run consists of: small files, and where the others lie
//!   tables/<table>.parquet   the rows of all runs
//!   artifacts.bin            the artifacts of all runs, one after the other
//!   runs.index               what the catalogue knows of each run
//! ```
//!
//! The file of a table is one Parquet file, and it consists of whole part files: between them lie the run ids of their
//! rows, and after them a footer that says where the pages of each are. So other tools read one table with a column
//! `run_id`, and a part is read as one of a run is: by its place in the file.

mod document;
mod files;
mod store;

pub(crate) use document::{
    ARTIFACTS, DOCUMENT, FILES, INDEX, PackDocument, PackedFile, RUNS, is_pack_name, numbered_table_file,
    table_file,
};
pub(crate) use files::{FileRow, Place, batch_of, files_schema};
pub(crate) use store::PackStore;

/// Reads a list of files, and the bytes of each that is in the list itself.
#[cfg(feature = "fuzzing")]
pub(crate) fn look_at_list(bytes: bytes::Bytes) -> Result<(), String> {
    files::look_at_all(&files::Files::read(crate::part::file::PartFile::Whole(bytes))?)
}
