// An OpenTelemetry Collector with no more than the tests need: OTLP over HTTP
// in, OTLP/JSON lines out.
//
//	otelcol --config file:FILE    exporter "lines": {path: FILE}
//	otelcol lines < FILE          reads OTLP/JSON lines as the Collector's
//	                              file receiver does, writes them again
package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/debugexporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
)

type config struct {
	Path string `mapstructure:"path"`
}

var lock sync.Mutex

func (c *config) write(line []byte, err error) error {
	if err != nil {
		return err
	}

	lock.Lock()
	defer lock.Unlock()

	f, err := os.OpenFile(c.Path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()

	_, err = f.Write(append(line, '\n'))

	return err
}

func traces(ctx context.Context, set exporter.Settings,
	cfg component.Config) (exporter.Traces, error) {
	return exporterhelper.NewTraces(ctx, set, cfg,
		func(_ context.Context, td ptrace.Traces) error {
			return cfg.(*config).write(
				(&ptrace.JSONMarshaler{}).MarshalTraces(td))
		})
}

func metrics(ctx context.Context, set exporter.Settings,
	cfg component.Config) (exporter.Metrics, error) {
	return exporterhelper.NewMetrics(ctx, set, cfg,
		func(_ context.Context, md pmetric.Metrics) error {
			return cfg.(*config).write(
				(&pmetric.JSONMarshaler{}).MarshalMetrics(md))
		})
}

func logs(ctx context.Context, set exporter.Settings,
	cfg component.Config) (exporter.Logs, error) {
	return exporterhelper.NewLogs(ctx, set, cfg,
		func(_ context.Context, ld plog.Logs) error {
			return cfg.(*config).write(
				(&plog.JSONMarshaler{}).MarshalLogs(ld))
		})
}

// the collector's own telemetry: warnings to stderr
func logger(_ context.Context, _ telemetry.LoggerSettings,
	_ component.Config) (*zap.Logger, component.ShutdownFunc, error) {
	cfg := zap.NewProductionConfig()
	cfg.Level = zap.NewAtomicLevelAt(zap.WarnLevel)
	l, err := cfg.Build()

	return l, func(context.Context) error { return nil }, err
}

func components() (f otelcol.Factories, err error) {
	f.Telemetry = telemetry.NewFactory(
		func() component.Config { return &struct{}{} },
		telemetry.WithCreateLogger(logger))

	f.Receivers, err = otelcol.MakeFactoryMap[receiver.Factory](
		otlpreceiver.NewFactory())
	if err != nil {
		return f, err
	}

	f.Exporters, err = otelcol.MakeFactoryMap[exporter.Factory](
		debugexporter.NewFactory(),
		exporter.NewFactory(component.MustNewType("lines"),
			func() component.Config { return &config{} },
			exporter.WithTraces(traces, component.StabilityLevelAlpha),
			exporter.WithLogs(logs, component.StabilityLevelAlpha),
			exporter.WithMetrics(metrics, component.StabilityLevelAlpha)))

	return f, err
}

func lines() error {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)

	for n := 1; in.Scan(); n++ {
		var out []byte
		var err error

		if bytes.Contains(in.Bytes(), []byte(`"resourceMetrics"`)) {
			var md pmetric.Metrics
			md, err = (&pmetric.JSONUnmarshaler{}).
				UnmarshalMetrics(in.Bytes())
			if err == nil {
				out, err = (&pmetric.JSONMarshaler{}).MarshalMetrics(md)
			}
		} else {
			var td ptrace.Traces
			td, err = (&ptrace.JSONUnmarshaler{}).
				UnmarshalTraces(in.Bytes())
			if err == nil {
				out, err = (&ptrace.JSONMarshaler{}).MarshalTraces(td)
			}
		}

		if err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}

		fmt.Println(string(out))
	}

	return in.Err()
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "lines" {
		if err := lines(); err != nil {
			log.Fatal(err)
		}
		return
	}

	cmd := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{
			Command:     "otelcol",
			Description: "collector for tests",
			Version:     "test",
		},
		Factories: components,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				DefaultScheme: "file",
				ProviderFactories: []confmap.ProviderFactory{
					fileprovider.NewFactory(),
				},
			},
		},
	})

	if err := cmd.Execute(); err != nil {
		log.Fatal(err)
	}
}
