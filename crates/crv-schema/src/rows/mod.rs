//! Conversion between typed rows and frames.
//!
//! [`rows_to_frame`] converts rows of one type ([`TableRow`]) to a [`Frame`] that fits their table, and
//! [`rows_from_frame`] converts a frame, such as a batch of a scan, to rows.
//!
//! Payloads get the types of their values: an integer stays an integer, and becomes a float only if its field also has
//! floats. A null field of a payload equals a missing one: a table's payloads have every field that any of its rows
//! has, so reading leaves nulls out. A value that JSON cannot represent, such as a timestamp or `NaN` in a payload, is
//! an error.
//!
//! ```
//! use crv_core::schema::HoldingsRow;
//! use crv_schema::rows::{rows_from_frame, rows_to_frame};
//!
//! let row = HoldingsRow { tick: 3.try_into()?, agent_id: "A0".into(), token_id: "T0".into(), quantity: 5 };
//! let frame = rows_to_frame(&[row.clone()])?;
//! assert_eq!(rows_from_frame::<HoldingsRow>(&frame)?, [row]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod build;
mod error;
mod read;

#[cfg(test)]
mod tests;

use crv_core::grammar::TableName;
use crv_core::schema::{
    Cell, DecisionRow, ExchangeRow, HoldingsRow, HoldingsValuationRow, IdentityEdgeRow, MessageRow,
    OracleCallRow, ScenarioRow, TableRow,
};

use crate::frame::Frame;

pub use error::RowsError;

type Result<T, E = RowsError> = std::result::Result<T, E>;

/// Converts rows to a frame of their table.
pub fn rows_to_frame<R: TableRow>(rows: &[R]) -> Result<Frame> {
    build::frame(R::TABLE, rows.iter().map(TableRow::to_cells))
}

/// Converts a frame to rows. It must have the columns of the rows' table.
pub fn rows_from_frame<R: TableRow>(frame: &Frame) -> Result<Vec<R>> {
    let cells = read::cells(R::TABLE, frame)?;
    cells.into_iter().enumerate().map(|(at, cells)| row(at, cells)).collect()
}

/// Converts values of rows, checked as the table's row type, to a frame. For callers that know the table only at run
/// time.
pub fn cells_to_frame(table: TableName, cells: Vec<Vec<Cell>>) -> Result<Frame> {
    build::frame(table, checked(table, cells)?)
}

/// Converts a frame to values of rows, checked as the table's row type.
pub fn cells_from_frame(table: TableName, frame: &Frame) -> Result<Vec<Vec<Cell>>> {
    checked(table, read::cells(table, frame)?)
}

fn checked(table: TableName, cells: Vec<Vec<Cell>>) -> Result<Vec<Vec<Cell>>> {
    match table {
        TableName::Exchange => through::<ExchangeRow>(cells),
        TableName::IdentityEdges => through::<IdentityEdgeRow>(cells),
        TableName::ScenariosSeen => through::<ScenarioRow>(cells),
        TableName::Messages => through::<MessageRow>(cells),
        TableName::Decisions => through::<DecisionRow>(cells),
        TableName::OracleCalls => through::<OracleCallRow>(cells),
        TableName::Holdings => through::<HoldingsRow>(cells),
        TableName::HoldingsValuation => through::<HoldingsValuationRow>(cells),
    }
}

fn through<R: TableRow>(cells: Vec<Vec<Cell>>) -> Result<Vec<Vec<Cell>>> {
    cells.into_iter().enumerate().map(|(at, cells)| Ok(row::<R>(at, cells)?.to_cells())).collect()
}

fn row<R: TableRow>(at: usize, cells: Vec<Cell>) -> Result<R> {
    R::from_cells(cells).map_err(|error| {
        RowsError::new(R::TABLE, format_args!("row {at}: {error}"))
            .with_hint(format!("a row of this table is a valid `{}`", R::NAME))
            .with_source(error)
    })
}
