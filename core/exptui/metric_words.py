"""The words that metric names are made of, and what each says. Data only; `metric_names` has the rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal[-1, 0, 1]
"""1: higher is better, -1: lower is better, 0: unknown, or the question makes no sense."""
Role = Literal["quality", "cost", "diagnostic", "unknown"]


@dataclass(frozen=True, slots=True)
class NameReading:
    """What a name says. `family` is the word or phrase that decided, in lower case; empty if none did."""

    direction: Direction
    role: Role
    family: str = ""


def _table(direction: Direction, role: Role, phrases: str) -> dict[str, NameReading]:
    """Phrases are separated by blanks, the words of one phrase joined by "_"."""
    words = [phrase.replace("_", " ") for phrase in phrases.split()]
    return {phrase: NameReading(direction, role, phrase) for phrase in words}


# Decides wherever it stands in the name: inside these the last word misleads.
FIXED = {
    **_table(1, "quality", "true_positive true_negative positive_predictive_value negative_predictive_value"),
    **_table(-1, "quality", "false_positive false_negative negative_log_likelihood neg_log_likelihood"),
    **_table(-1, "quality", "negative_loglikelihood neg_loglikelihood neg_loglik neg_elbo negative_elbo"),
    **_table(-1, "quality", "neg_log_prob neg_logprob"),
    **_table(-1, "cost", "time_to steps_to epochs_to samples_to"),
}

STRONG = {
    **_table(
        1,
        "quality",
        """
        f1 f2 f05 f_score fscore f_beta fbeta f_measure accuracy acc accuracies bacc top1 top5 precision
        recall specificity sensitivity tpr tnr ppv npv auc auroc auprc aupr aucpr aucroc rocauc prauc
        gini_norm normalized_gini ap map mar average_precision average_recall ndcg dcg mrr rr hit hits
        hit_rate hit_ratio r1 r5 r10 exact_match em correct iou miou giou dice dsc jaccard area_under
        overlap pq idf1 mota hota nds psnr ssim ms_ssim msssim vmaf mos stoi pesq sdr si_sdr sisdr snr
        si_snr sisnr inception_score clip_score clipscore bleu sacrebleu rouge meteor cider spice chrf
        chr_f bertscore bert_score comet bleurt r2 r_squared rsquared noise_ratio sharpe_ratio win_ratio
        success_ratio explained_variance evs adjusted_r2 correlation corr corrcoef pearson pearsonr
        spearman spearmanr kendall kendalltau mcc matthews kappa qwk concordance c_index cindex likelihood
        loglik loglikelihood log_likelihood log_lik log_prob logprob elbo elpd reward rew return
        ep_rew_mean success win winrate solved completion_rate improvement gain reduction lift silhouette
        calinski_harabasz nmi ami ari v_measure purity homogeneity completeness similarity
        cosine_similarity fidelity margin positive_likelihood_ratio elo skill
        """,
    ),
    **_table(
        -1,
        "quality",
        """
        loss losses error err error_ratio mse rmse mae mape smape wape mase msle rmsle rmsse nrmse nmse
        wrmsse medae mbe mean_squared_error mean_absolute_error max_error median_absolute_error
        squared_error absolute_error percentage_error logcosh huber pinball hinge crps cross_entropy
        crossentropy xent ce bce nll nlpd log_loss logloss perplexity ppl bpb bpc bpd bpp bits_per_byte
        bits_per_char bits_per_character bits_per_dim bits_per_word deviance residual kl kld kl_div
        kl_divergence kldiv relative_entropy jsd divergence discrepancy wasserstein emd mmd distance fid
        kid fvd fad lpips niqe brisque mcd wer cer ter mer wil der eer far frr fpr fnr fdr false_alarm
        false_discovery false_omission false_acceptance false_rejection fallout fall_out miss_rate
        misclassification incorrect mistake brier brier_score ece mce ace calibration_error hamming
        hausdorff hd hd95 assd asd chamfer ade fde mpjpe epe abs_rel absrel sq_rel sqrel silog
        davies_bouldin inertia regret toxicity hallucination forgetting degradation drop gap disparity
        parity_difference odds_difference violation collision failure aic bic waic
        negative_likelihood_ratio loss_dice loss_iou loss_giou loss_diou loss_ciou loss_ssim loss_reward
        risk id_switches distortion
        """,
    ),
    **_table(
        -1,
        "cost",
        """
        latency lag delay runtime duration ttft tpot itl response_time inference_time time_per memory mem
        vram rss footprint size file_size params parameters param_count parameter_count flops gflops
        mflops macs gmacs madds energy joules kwh co2 co2e carbon emissions power watts cost price usd
        dollars rtf real_time_factor
        """,
    ),
    **_table(
        1,
        "cost",
        """
        throughput qps fps rps tps ips tflops mfu flops_per speed speedup goodput compression_ratio
        compression
        """,
    ),
    **_table(
        0,
        "diagnostic",
        """
        lr learning_rate learningrate momentum weight_decay seed grad_norm gradient_norm gradnorm
        weight_norm param_norm parameter_norm update_norm total_norm grad gradient weight scale coef
        coefficient coeff lambda alpha beta gamma threshold temperature count support num_samples
        num_examples num_tokens std stdev stderr std_err standard_error standard_deviation var variance
        delta diff entropy dropout drop_rate drop_path sparsity clip_fraction clipfrac clip_frac approx_kl
        hp_metric batch_size hidden_size vocab_size sample_size dataset_size train_size test_size val_size
        buffer_size window_size context_size embedding_size kernel_size patch_size image_size img_size
        step_size population_size mixed_precision rejected chosen utilization util elapsed time_elapsed
        elapsed_time wall_time walltime timestamp uptime eta ep_len_mean episode_length length fp16 bf16
        fp32 fp8 total_flos flos ratio
        """,
    ),
}

# Decide only where nothing stronger does: units, counters and words that go with anything.
WEAK = {
    **_table(1, "quality", "score top_1 top_5 top_k pass rating"),
    **_table(-1, "cost", "ms msec us usec ns sec secs second seconds minutes hours mb gb kb mib gib kib bytes"),
}
COUNTERS = _table(0, "diagnostic", "epoch step iter iteration batch timestep token sample example norm index rank id")


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


UNITS_OF_WORK = words(
    """
    sample token tok it iter iteration image img step example request query querie frame batch batche item
    sequence seq episode row record word sentence graph update
    """
)
SECONDS = words("s sec secs second seconds")
PERIODS = SECONDS | words("min minute hour")
TIME_UNITS = SECONDS | words("ms us ns minute minutes hour hours p50 p90 p95 p99 avg mean")
EVAL = words("test val valid validation dev eval evaluation holdout heldout")
TRAIN = words("train training trn")
FILLERS = words("mean median root max log avg poisson gamma")
# Counts of successes among evaluated examples: n alone gives the standard error. For F1 approximately.
PROPORTIONS = words("accuracy acc bacc f1 success win hit misclassification top1 top5 em") | {"exact match"}

THROUGHPUT = NameReading(1, "cost", "throughput")
DURATION = NameReading(-1, "cost", "time")
UNKNOWN = NameReading(0, "unknown")
DIAGNOSTIC = NameReading(0, "diagnostic")

_PREFERRED = """
    f1 accuracy acc auc auroc rocauc map ap average_precision ndcg mrr exact_match em iou miou dice bleu rouge
    r2 success win return reward
    """
PREFERENCE = {family.replace("_", " "): rank for rank, family in enumerate(_PREFERRED.split())}
LAST_RESORT = frozenset(("loss", "losses", "nll", "ce", "bce", "cross entropy", "crossentropy", "log loss", "logloss"))
