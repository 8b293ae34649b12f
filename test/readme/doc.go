// Package readme holds the documentation to the product. Its tests build the
// binary once and
//
//   - run the commands of README.md as they stand there (TestWalkThrough),
//   - compare docs/cli.md with --help, docs/apply.md with what apply takes,
//     docs/operate.md with /metrics, docs/connect-an-app.md and docs/oidc.md
//     with discovery, docs/architecture.md with the packages there are,
//   - follow every link, and look for every file that a page names.
//
// A page that says what is not so any more fails here. SIGNET_UPDATE_DOCS=1
// rewrites the parts between "generated" comments.
package readme
