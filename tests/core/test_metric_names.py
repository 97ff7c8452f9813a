"""Directions and roles of metric names. Expected values are what the metric's own definition says."""

from __future__ import annotations

import pytest

from exptui.metric_names import (
    is_proportion,
    is_train_metric,
    primary_metric,
    read_name,
    split_of,
    train_metrics,
    words_of,
)


def names(text: str) -> list[str]:
    return text.split()


HIGHER_IS_BETTER = names(
    """
    psnr ssim ms_ssim bleu rouge1 rougeL ROUGE-L r2 R2Score val/r2_score mAP mAP@50 mAP@0.5:0.95 metrics/mAP50(B)
    metrics/mAP50-95(B) metrics/precision(B) auc auroc ROC_AUC rocAUC valF1 F1Score eval_f1 test.f1 f1-score
    f1_macro loglik log_likelihood val_elbo reward return episode_reward rollout/ep_rew_mean success_rate
    true_positive_rate true_negative_rate hits@10 ndcg@5 nDCG@10 mrr precision_at_k recall@5 R@1 P@5 dice iou mIoU
    meanIoU IoU top1 top5_acc acc@1 acc1 acc,none acc_norm,none exact_match,strict-match hparam/val_acc
    loss_accuracy neg_mean_squared_error neg_log_loss neg_brier_score neg_root_mean_squared_error
    neg_mean_poisson_deviance negative_predictive_value specificity mcc cohen_kappa_score spearmanr
    explained_variance pass@1 win_rate silhouette_score chrF CIDEr METEOR bert_score/f1 si_sdr val_accuracy valAcc
    train/accuracy MulticlassF1Score BinaryAUROC tpr@fpr=1e-3 tpr_at_fpr_0.01 1-mae one_minus_mse eval/score
    macro_avg/f1-score balanced_accuracy rewards/accuracies throughput tokens_per_sec samples/s tokens/s it/s
    eval_samples_per_second train_steps_per_second fps qps img/s tokens_per_second_per_gpu time/fps speedup tflops
    neg_acc pr_auc acc_per_class correlation cosine_similarity inception_score clip_score
    """
)

LOWER_IS_BETTER = names(
    """
    wer cer perplexity ppl fid kl kl_divergence rmse RMSE mape MAPE smape eer brier_score ece logloss log_loss nll
    negative_log_likelihood neg_log_likelihood error_rate false_positive_rate false_negative_rate step_time
    time_to_first_token time_to_accuracy latency_ms latency_p99 p99_ms latencyP99 memory_mb gpu_mem
    max_memory_allocated num_params flops gflops GFLOPs energy_j cost_usd accuracy_loss val_loss valLoss trainLoss
    eval.loss train_loss_epoch train_loss_step hausdorff hd95 bits_per_byte word_perplexity MSELoss L1Loss KLDiv
    val/box_loss loss_dice loss/giou mean_absolute_error max_error categorical_crossentropy hinge_loss fpr95
    fpr_at_95_tpr fpr@tpr95 size sizeMB model_size train_runtime inference_time seconds_per_step ms_per_token lpips
    davies_bouldin_score accuracy_drop generalization_gap cost_per_1k_tokens loss_per_token epoch_loss top1_err
    top5_error fid_score demographic_parity_difference neg_elbo valid_0_binary_logloss 1-ssim energy_mae
    forward_pass_time calibration_error
    """
)

NO_DIRECTION = names(
    """
    lr learning_rate lr-AdamW/pg1 epoch step grad_norm seed weight_norm global_step trainer/global_step _step
    _runtime hp_metric batch_size loss_scale loss_weight best_threshold f1_threshold acc_stderr,none reward_std
    weight_decay zorp system/gpu.0.memoryAllocated time/iterations time/total_timesteps time/time_elapsed approx_kl
    entropy clip_fraction mixed_precision dropout temperature best_epoch rollout/ep_len_mean gpu_util wall_time
    foo_bar
    """
)


@pytest.mark.parametrize("name", HIGHER_IS_BETTER)
def test_higher_is_better(name: str) -> None:
    assert read_name(name).direction == 1


@pytest.mark.parametrize("name", LOWER_IS_BETTER)
def test_lower_is_better(name: str) -> None:
    assert read_name(name).direction == -1


@pytest.mark.parametrize("name", NO_DIRECTION)
def test_no_direction(name: str) -> None:
    assert read_name(name).direction == 0


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("val/f1", "quality"),
        ("mape", "quality"),
        ("energy_mae", "quality"),
        ("throughput", "cost"),
        ("latency_ms", "cost"),
        ("num_params", "cost"),
        ("tokens/s", "cost"),
        ("lr", "diagnostic"),
        ("grad_norm", "diagnostic"),
        ("epoch", "diagnostic"),
        ("zorp", "unknown"),
        ("", "unknown"),
        ("精度", "unknown"),
    ],
)
def test_role(name: str, role: str) -> None:
    assert read_name(name).role == role


def test_words_keep_small_letter_before_capitals() -> None:
    assert words_of("valLoss") == ("val", "loss")
    assert words_of("mAP@50") == ("map",)
    assert words_of("MSELoss") == ("mse", "loss")


@pytest.mark.parametrize(
    ("name", "split"),
    [("val/f1", "eval"), ("eval_f1", "eval"), ("train.loss", "train"), ("train/val_loss", "eval"), ("f1", "")],
)
def test_split(name: str, split: str) -> None:
    assert split_of(name) == split


def test_unprefixed_twin_of_an_evaluation_metric_is_a_train_metric() -> None:
    keras = ["loss", "accuracy", "val_loss", "val_accuracy", "recall"]
    assert train_metrics(keras) == {"loss", "accuracy"}
    assert not is_train_metric("loss")
    assert is_train_metric("trainer_loss") is False


@pytest.mark.parametrize(
    ("among", "primary"),
    [
        (["loss", "f1", "accuracy"], "f1"),
        (["loss", "accuracy"], "accuracy"),
        (["loss", "auc"], "auc"),
        (["train/f1", "val/loss"], "val/loss"),
        (["f1", "test_loss"], "test_loss"),
        (["test_loss", "val_f1"], "val_f1"),
        (["mse", "loss"], "mse"),
        (["loss", "val_loss", "accuracy", "val_accuracy"], "val_accuracy"),
        (["train_loss"], "train_loss"),
        ([], None),
    ],
)
def test_primary(among: list[str], primary: str | None) -> None:
    assert primary_metric(among) == primary
    assert primary_metric(reversed(among)) == primary


def test_declared_goal_comes_before_the_usual_order() -> None:
    assert primary_metric(["val/f1", "val/loss"], declared={"val/loss"}) == "val/loss"
    assert primary_metric(["val/f1", "train/loss"], declared={"train/loss"}) == "val/f1"


@pytest.mark.parametrize(
    ("name", "proportion"),
    [("val_accuracy", True), ("error_rate", True), ("f1", True), ("auc", False), ("loss", False), ("mae", False)],
)
def test_proportion(name: str, proportion: bool) -> None:
    assert is_proportion(name) is proportion
