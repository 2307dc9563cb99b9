//! Appends typed rows to their table: [`Dataset::append_rows`], [`Transaction::append_rows`] and
//! [`Writer::append_rows`].

use crv_core::schema::TableRow;

pub use crv_schema::rows::{RowsError, cells_from_frame, cells_to_frame, rows_from_frame, rows_to_frame};

use crate::dataset::Dataset;
use crate::error::Result;
use crate::write::{AppendOptions, AppendSummary, Transaction, TransactionSummary};
use crate::writer::Writer;

impl Dataset {
    /// Appends rows to their table, as [`append`](Dataset::append) does. The row type has validated them.
    pub fn append_rows<R: TableRow>(&self, rows: &[R]) -> Result<AppendSummary> {
        self.append(R::TABLE, rows_to_frame(rows)?, AppendOptions::default())
    }
}

impl Transaction {
    /// Adds rows to their table, as [`append`](Transaction::append) does.
    pub fn append_rows<R: TableRow>(&mut self, rows: &[R]) -> Result<()> {
        self.append(R::TABLE, rows_to_frame(rows)?, AppendOptions::default())
    }
}

impl Writer {
    /// Buffers rows of their table, as [`append`](Writer::append) does.
    pub fn append_rows<R: TableRow>(&mut self, rows: &[R]) -> Result<Option<TransactionSummary>> {
        self.append(R::TABLE, rows_to_frame(rows)?, AppendOptions::default())
    }
}
