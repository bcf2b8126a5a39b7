/** Settings of the Prometheus door. */
import { expose, host, isOn, port } from '../setting-fields.ts'

export const metricsSettings = {
  metrics: isOn('Prometheus metrics'),
  metrics_host: host('metrics'),
  metrics_port: port('metrics', 9090),
  expose_metrics: expose('metrics'),
}
