//! The numerics wing: synchronous and pure, no futures, threads or maps.
