//! Tests of `usage`.
