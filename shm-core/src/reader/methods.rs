//! The methods that every reading handle has, whatever its values are. Each handle brings `take`, which has
//! `RawReader` fill a buffer, and makes a value of what is then in it.

/// Implements `latest`, `try_recv`, `recv`, `recv_timeout` and `iter` for values of this type.
macro_rules! receiving_methods {
    ($value:ty, $errors:literal) => {
        /// The newest value, also if it was read before. `None`: there is no value yet.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [`RawReader::latest_into`](crate::RawReader::latest_into)", $errors)]
        pub fn latest(&mut self) -> crate::error::Result<Option<crate::reader::Sample<$value>>> {
            self.take(crate::reader::Ask::Newest)
        }

        /// The next value in order. `None`: nothing new has come.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [`RawReader::try_recv_into`](crate::RawReader::try_recv_into)", $errors)]
        pub fn try_recv(&mut self) -> crate::error::Result<Option<crate::reader::Sample<$value>>> {
            self.take(crate::reader::Ask::Next)
        }

        /// Waits for the next value in order. `None`: the writer closed the region cleanly and everything was read.
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [`RawReader::recv_into`](crate::RawReader::recv_into)", $errors)]
        pub fn recv(&mut self) -> crate::error::Result<Option<crate::reader::Sample<$value>>> {
            self.take(crate::reader::Ask::Await(None))
        }

        /// Waits at most `timeout` for the next value in order; see
        /// [`RawReader::recv_timeout_into`](crate::RawReader::recv_timeout_into).
        ///
        /// # Errors
        ///
        #[doc = concat!("As for [`RawReader::recv_timeout_into`](crate::RawReader::recv_timeout_into)", $errors)]
        pub fn recv_timeout(
            &mut self,
            timeout: std::time::Duration,
        ) -> crate::error::Result<Option<crate::reader::Sample<$value>>> {
            self.take(crate::reader::Ask::Await(Some(timeout)))
        }

        /// Goes on with every value, for ever: across writers that end and regions that are removed and made anew.
        pub fn iter(&mut self) -> impl Iterator<Item = crate::error::Result<crate::reader::Sample<$value>>> {
            std::iter::from_fn(|| self.take(crate::reader::Ask::Follow).transpose())
        }
    };
}

pub(super) use receiving_methods;
