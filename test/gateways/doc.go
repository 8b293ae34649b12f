// Package gateways runs other people's gateways with the configuration that
// `signet gateway config` prints, in front of an upstream that tells what it got.
package gateways
