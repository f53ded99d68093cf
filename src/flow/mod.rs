//! One sign-in in progress, from the app's redirect to its code. Pure.

pub mod state;
