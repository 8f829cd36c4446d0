// For NODE_OPTIONS=--require: "localhost" leads to the address of a test's system, as a browser's resolver rule makes it,
// so that a document's command line need not be changed.
const dns = require('node:dns');

const { lookup } = dns;
dns.lookup = (host, ...rest) => lookup(host === 'localhost' ? process.env.CONFAB_TEST_LOCALHOST : host, ...rest);
