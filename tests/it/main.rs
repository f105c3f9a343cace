//! The one integration binary. Modules mirror the rooms; what concerns the whole server speaks to the real binary from outside.

mod tidy;
