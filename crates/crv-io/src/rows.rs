//! Appends typed rows to their table: [`Dataset::append_rows`], [`Transaction::append_rows`] and
//! [`Writer::append_rows`]; and rows of any serializable type to any table: [`Dataset::append_records`],
//! [`Transaction::append_records`] and [`Writer::append_records`].

use crv_core::schema::TableRow;
use crv_core::tables::TableId;
use crv_schema::Frame;
use serde::Serialize;

pub use crv_schema::records::{RecordsError, records_to_frame};
pub use crv_schema::rows::{RowsError, cells_from_frame, cells_to_frame, rows_from_frame, rows_to_frame};

use crate::commit::LogReader;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::write::{AppendOptions, AppendSummary, Transaction, TransactionSummary};
use crate::writer::Writer;

impl Dataset {
    /// Appends rows to their table, as [`append`](Dataset::append) does. The row type has validated them.
    pub fn append_rows<R: TableRow>(&self, rows: &[R]) -> Result<AppendSummary> {
        self.append(R::TABLE, rows_to_frame(rows)?, AppendOptions::default())
    }

    /// Appends rows of any type that implements `Serialize` to any table, as [`append`](Dataset::append) does. A row is a
    /// struct or a map, and its fields are columns.
    ///
    /// ```
    /// use crv_io::schema::{Field, FieldType};
    /// use crv_io::{Dataset, IoSettings};
    /// use serde::Serialize;
    ///
    /// #[derive(Serialize)]
    /// struct Agent<'a> {
    ///     tick: u32,
    ///     agent_id: u64,
    ///     state: &'a str,
    /// }
    ///
    /// # let root = tempfile::tempdir()?;
    /// # let root = root.path().to_string_lossy().into_owned();
    /// let dataset = Dataset::open(IoSettings::default().with_root_dir(root)?, "sir-1")?;
    /// let columns =
    ///     vec![Field::nullable("agent_id", FieldType::INT), Field::nullable("state", FieldType::Str)];
    /// let agents = dataset.declare_columns("agents".parse()?, columns, &["agent_id"])?.id();
    /// let summary = dataset.append_records(agents, &[Agent { tick: 0, agent_id: 7, state: "ill" }])?;
    /// assert_eq!(summary.rows, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn append_records<R: Serialize>(
        &self,
        table: impl Into<TableId>,
        records: &[R],
    ) -> Result<AppendSummary> {
        let table = table.into();
        self.append(table, frame(self.log(), table, records)?, AppendOptions::default())
    }
}

/// Records as a frame; the error names the run and the table.
fn frame<R: Serialize>(log: &LogReader, table: TableId, records: &[R]) -> Result<Frame> {
    records_to_frame(records).map_err(|error| Error::from(error).in_context(log.name(table)))
}

impl Transaction {
    /// Adds rows to their table, as [`append`](Transaction::append) does.
    pub fn append_rows<R: TableRow>(&mut self, rows: &[R]) -> Result<()> {
        self.append(R::TABLE, rows_to_frame(rows)?, AppendOptions::default())
    }

    /// Adds rows of any serializable type to any table, as [`Dataset::append_records`] does.
    pub fn append_records<R: Serialize>(&mut self, table: impl Into<TableId>, records: &[R]) -> Result<()> {
        let table = table.into();
        self.append(table, frame(self.log(), table, records)?, AppendOptions::default())
    }
}

impl Writer {
    /// Buffers rows of their table, as [`append`](Writer::append) does.
    pub fn append_rows<R: TableRow>(&mut self, rows: &[R]) -> Result<Option<TransactionSummary>> {
        self.append(R::TABLE, rows_to_frame(rows)?, AppendOptions::default())
    }

    /// Buffers rows of any serializable type for any table, as [`Dataset::append_records`] appends them.
    pub fn append_records<R: Serialize>(
        &mut self,
        table: impl Into<TableId>,
        records: &[R],
    ) -> Result<Option<TransactionSummary>> {
        let table = table.into();
        self.append(table, frame(self.log(), table, records)?, AppendOptions::default())
    }
}
