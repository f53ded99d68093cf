//! One folder or file per specification: values in, decision out. Pure.
