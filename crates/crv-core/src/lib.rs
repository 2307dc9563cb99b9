//! The contracts of CRV.
