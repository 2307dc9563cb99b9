//! Part files: Parquet in and out, what a footer says, what a page may claim.

mod declaration;
mod dictionaries;
mod encode;
pub(crate) mod file;
pub(crate) mod footer;
mod footer_schema;
mod integers;
pub(crate) mod lineage;
pub(crate) mod pages;
#[cfg(test)]
mod tests;

pub(crate) use dictionaries::Dictionaries;
pub(crate) use encode::Encoder;
pub(crate) use footer_schema::FooterSchema;
